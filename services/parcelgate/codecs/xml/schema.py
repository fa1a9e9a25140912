"""The compiled XSD of a format: validation of one boundary's subtree, with lxml in the flow and xmlschema to explain."""

import copy
import threading
from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import xmlschema
from lxml import etree
from lxml.etree import _Element

_XS = "{http://www.w3.org/2001/XMLSchema}"


class Fence(etree.Resolver):
    """Lets a schema include files of its own folder and of folders in it, and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        super().__init__()
        self._folder = folder.resolve()

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:  # noqa: ARG002  lxml's call
        """Answer a request of libxml2 for a file; raises LookupError outside the folder."""
        path = Path((system_url or "").removeprefix("file://")).resolve()
        if self._folder not in path.parents:
            raise LookupError(f"a schema may only include files of {self._folder.name}")
        return self.resolve_filename(str(path), context)


class Schema:
    """One XSD; the elements at which header, items and trailer stand can be validated by themselves."""

    def __init__(self, path: Path, root: str, boundaries: tuple[str, ...]) -> None:
        """Read and compile; root and boundaries are tags.

        Raises etree.XMLSchemaParseError, or ValueError if the schema lacks a boundary.
        """
        self._path = path
        tree = _parsed(path, path.parent)
        declared = dict(_declared(tree, path, path.parent, set()))
        if root not in declared:
            raise ValueError(f"{path.name} declares no element {etree.QName(root).localname}")
        for name in boundaries:
            if name not in declared:
                tree.append(_global(declared[root], etree.QName(name).localname, path))
        self._text = etree.tostring(tree)
        self._local = threading.local()

    @property
    def fast(self) -> etree.XMLSchema:
        """The schema for this thread: an error log is not safe to share."""
        schema: etree.XMLSchema | None = getattr(self._local, "schema", None)
        if schema is None:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            parser.resolvers.add(Fence(self._path.parent))
            schema = etree.XMLSchema(etree.fromstring(self._text, parser, base_url=str(self._path)))
            self._local.schema = schema
        return schema

    @cached_property
    def explaining(self) -> xmlschema.XMLSchema10:
        """The same schema where words matter more than time; thirty times slower."""
        # The fence holds here too: what lies outside of it has kept the fast one from being compiled.
        assert self.fast is not None
        return xmlschema.XMLSchema10(
            BytesIO(self._text), base_url=str(self._path.parent), allow="local", defuse="always"
        )

    def errors(self, subtree: _Element) -> Iterator[xmlschema.XMLSchemaValidationError]:
        """Explain everything that is wrong with a subtree."""
        return self.explaining.iter_errors(cast("Any", subtree))


def _parsed(path: Path, folder: Path) -> _Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    parser.resolvers.add(Fence(folder))
    return etree.fromstring(path.read_bytes(), parser, base_url=str(path))


def _declared(tree: _Element, path: Path, folder: Path, seen: set[Path]) -> Iterator[tuple[str, _Element]]:
    """Go through the global elements of a schema and of those it takes in, as far as they lie in the folder."""
    seen.add(path)
    space = tree.get("targetNamespace")
    for each in tree.iterfind(f"{_XS}element"):
        yield f"{{{space}}}{each.get('name')}" if space else str(each.get("name")), each
    for taken in (*tree.iterfind(f"{_XS}import"), *tree.iterfind(f"{_XS}include")):
        other = (path.parent / taken.get("schemaLocation", "")).resolve()
        if folder.resolve() in other.parents and other not in seen and other.is_file():
            yield from _declared(_parsed(other, folder), other, folder, seen)


def _global(root: _Element, name: str, path: Path) -> _Element:
    """Copy the declaration of a child of the root, so that its subtree can be validated by itself."""
    found = root.find(f"{_XS}complexType/{_XS}sequence/{_XS}element[@name='{name}']")
    if found is None:
        raise ValueError(f"{path.name} declares no element {name} below its root")
    declaration = copy.deepcopy(found)
    for attribute in ("minOccurs", "maxOccurs"):
        declaration.attrib.pop(attribute, None)
    return declaration
