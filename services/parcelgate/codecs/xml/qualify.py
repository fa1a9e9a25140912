"""Qualifying: the namespaces that a document left out, given to its elements by the names of the mapping."""

from collections.abc import Iterable, Sequence

from lxml.etree import _Element

from parcelgate.codecs.mapping.scope import Node
from parcelgate.codecs.xml.name import Names


def qualify(element: _Element, nodes: Iterable[Node], names: Names) -> None:
    """Give every element below one that has no namespace that of its row; what no row knows gets that of its parent.

    Where rows have one name in several namespaces, the first occurrence is the first one's, the second the second's.
    """
    known: dict[str, list[str]] = {}
    inner: dict[str, list[Node]] = {}
    for node in nodes:
        for name, child in node.children.items():
            known.setdefault(name.rpartition(":")[2], []).append(name)
            inner.setdefault(name, []).extend(_all_of(child))
    space = str(element.tag).rpartition("}")[0]
    met: dict[str, int] = {}
    for each in element:
        tag = str(each.tag)
        if tag.startswith("{"):
            continue
        candidates = list(dict.fromkeys(known.get(tag, ())))
        if not candidates:
            each.tag = f"{space}}}{tag}" if space else tag
            qualify(each, (), names)
            continue
        place = met[tag] = met.get(tag, -1) + 1
        name = candidates[min(place, len(candidates) - 1)]
        each.tag = names.tag(name)
        qualify(each, inner[name], names)


def _all_of(node: Node) -> Sequence[Node]:
    """Collect what may stand inside an element: its own rows, those of entries of a list, those that are chosen."""
    found = [node if node.each is None else node.each.scope.root]
    for case in node.cases:
        found.extend(_all_of(case.node))
    return found
