"""Items of the same shape, read in one go.

A sender's items mostly have the same segments with the same elements in the same places. Where an item stands whole in a piece
of the document, its shape is what is left when everything but the service characters is taken away. Once an item of a shape
was read without a fault, a recipe is written down: which text of the item goes where, which texts have to be what they were.
The next ones are split once and put together by the recipe; whenever a value is empty or anything but plain, it gives up,
and the item is read segment by segment, which knows what to say.
"""

from typing import Any

from parcelgate.codecs.edifact import limit
from parcelgate.codecs.edifact.delimiter import Delimiters
from parcelgate.codecs.edifact.recipe import Recipe, Unfit, recipe_of
from parcelgate.codecs.edifact.segment import Splitter
from parcelgate.codecs.edifact.structure import Structure
from parcelgate.codecs.mapping.converter import Defect


class Shapes:
    """The recipes of one format; shared by all documents of the process."""

    def __init__(self, structure: Structure) -> None:
        """Begin without any."""
        self._structure = structure
        self._known: dict[Delimiters, dict[bytes, list[Recipe]]] = {}

    def reader(self, delimiters: Delimiters) -> "ShapeReader":
        """Return what reads the items of one document."""
        return ShapeReader(self._structure, self._known.setdefault(delimiters, {}), delimiters)


class ShapeReader:
    """Reads the items of one document by recipes."""

    def __init__(self, structure: Structure, known: dict[bytes, list[Recipe]], delimiters: Delimiters) -> None:
        """Take the format's recipes, and the service characters of the document."""
        self._structure, self._known, self._delimiters = structure, known, delimiters
        service = (delimiters.component + delimiters.element + delimiters.terminator).encode()
        self._others = bytes(byte for byte in range(256) if byte not in service)
        # How often shapes without a recipe were met, and recipes used.
        self._seen: dict[bytes, int] = {}
        self._uses: dict[int, tuple[Recipe, int]] = {}

    def shape(self, item: str) -> bytes:
        """Return the shape of an item."""
        return item.encode("utf-8", "replace").translate(None, self._others)

    def read(self, item: str, shape: bytes, ordinal: int, splitter: Splitter) -> tuple[Recipe, dict[str, Any]] | None:
        """Put the record of an item together, the how-manieth of its group it is; None if no recipe fits."""
        recipes = self._known.get(shape)
        if not recipes:
            return None
        texts = splitter.texts(item)
        if texts is None:
            return None
        for recipe in recipes:
            try:
                return recipe, recipe.record(texts, ordinal)
            except (Unfit, Defect):
                continue
        return None

    def used(self, recipe: Recipe) -> None:
        """Count that an item was read by a recipe."""
        _, times = self._uses.get(id(recipe), (recipe, 0))
        self._uses[id(recipe)] = (recipe, times + 1)

    def met(self, item: str, shape: bytes) -> None:
        """Take note of an item that was read in the ordinary way and has no fault."""
        recipes = self._known.get(shape, [])
        times = self._seen.get(shape, 0) + 1
        if len(self._seen) >= limit.SHAPES_MET:
            self._seen.clear()
        self._seen[shape] = times
        if times == limit.SHAPE_TIMES and len(recipes) < limit.RECIPES and len(self._known) < limit.SHAPES:
            self._seen[shape] = 0
            try:
                found = recipe_of(item, self._structure, self._delimiters)
            except Unfit:
                self._seen[shape] = limit.SHAPE_TIMES
            else:
                self._known[shape] = [*recipes, found]

    def count(self, rows: list[int]) -> None:
        """Add the rows of all items that were read by recipes."""
        for recipe, times in self._uses.values():
            for row in recipe.rows:
                rows[row] += times
        self._uses.clear()
