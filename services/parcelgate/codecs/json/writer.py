"""Writing JSON: branches as objects and arrays; the same records always give the same bytes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring

from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.scope import Leaf, Node, Scope
from parcelgate.codecs.mapping.tree import Branch

_KINDS = frozenset(("int", "Money", "Mass"))
_HALF = re.compile("[\x00\ud800-\udfff]")
_INDENT = "  "
# No text of a document can have it.
_HERE = "\0"


class Shape:
    """How the branches of a format are written: which names are arrays, and which values numbers."""

    def __init__(self, scopes: Mapping[str, Scope], *, numbers: bool) -> None:
        """Look through all rows; numbers says what is usual where a row says nothing."""
        self._arrays: set[int] = set()
        self._bare: set[int] = set()
        for scope in scopes.values():
            self._look(scope.root, numbers=numbers)

    def _look(self, root: Node, *, numbers: bool) -> None:
        for node in root.inner():
            if node.array:
                self._arrays |= {id(node), *(id(case.node) for case in node.cases)}
            if node.leaf is not None and _is_bare(node.leaf, numbers=numbers):
                self._bare.add(id(node))
            row = node.fixed or node.fact
            if row is not None and row.number_as == "number":
                self._bare.add(id(node))
            if node.each is not None:
                self._look(node.each.scope.root, numbers=numbers)

    def render(self, branch: Branch, depth: int | None) -> str:
        """Render a branch with all that is in it, indented, or on one line if depth is None. Raises Unwritable."""
        inner = None if depth is None else depth + 1
        if not branch.children and (branch.text or branch.node.leaf is not None):
            return self._value(branch)
        members = []
        for name, several in _named(branch.children):
            values = [self._inside(each, inner, several) for each in several]
            shown = _list(values, inner) if len(values) > 1 or id(several[0].node) in self._arrays else values[0]
            members.append(f"{text(name, name)}: {shown}")
        return _enclosed("{", members, "}", depth)

    def render_around(self, branch: Branch, path: tuple[str, ...]) -> tuple[str, str]:
        """Render a branch on one line, for something that stands at a path in it: the text before it and behind it."""
        before, _, after = self.render(_holding(branch, path), None).partition(_HERE)
        return before, after

    def _inside(self, branch: Branch, depth: int | None, several: list[Branch]) -> str:
        deeper = depth is not None and (len(several) > 1 or id(branch.node) in self._arrays)
        return self.render(branch, depth + 1 if deeper and depth is not None else depth)

    def _value(self, branch: Branch) -> str:
        return branch.text if branch.text is _HERE or id(branch.node) in self._bare else text(branch.text, branch.name)


def _holding(branch: Branch, path: tuple[str, ...]) -> Branch:
    """Add a mark at a path, behind what is there."""
    name, rest = path[0], path[1:]
    inner = next((each for each in branch.children if each.name == name), Branch(name, "", (), (), Node(name)))
    others = [each for each in branch.children if each.name != name]
    held = _holding(inner, rest) if rest else Branch(name, _HERE, (), (), Node(name))
    return branch._replace(children=[*others, held])


def text(value: str, name: str) -> str:
    """Render a text; raises Unwritable for what no JSON text that others read has."""
    if _HALF.search(value) is not None:
        raise Unwritable(name, code="TEXT_NOT_WRITABLE")
    return encode_basestring(value)


def _is_bare(leaf: Leaf, *, numbers: bool) -> bool:
    if leaf.row.number_as:
        return leaf.row.number_as == "number"
    kind, name = leaf.converter.kind, leaf.converter.name
    return numbers and (kind in _KINDS or name == "bool" or leaf.row.converter == "bool")


def _named(children: Sequence[Branch]) -> Iterator[tuple[str, list[Branch]]]:
    """Bring together what has one name, at the place of the first."""
    found: dict[str, list[Branch]] = {}
    for child in children:
        found.setdefault(child.name, []).append(child)
    yield from found.items()


def _list(values: list[str], depth: int | None) -> str:
    return _enclosed("[", values, "]", depth)


def _enclosed(opening: str, parts: list[str], closing: str, depth: int | None) -> str:
    if not parts:
        return opening + closing
    if depth is None:
        return opening + ", ".join(parts) + closing
    line = "\n" + _INDENT * depth
    return opening + line + _INDENT + f",{line}{_INDENT}".join(parts) + line + closing
