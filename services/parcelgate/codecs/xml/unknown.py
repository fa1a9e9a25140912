"""Names that a format does not know: found by its mapping, reported, and taken out before the item is checked again."""

import copy
from dataclasses import dataclass

from lxml.etree import _Element

from parcelgate.codecs.mapping.scope import Node
from parcelgate.codecs.xml import limit
from parcelgate.codecs.xml.address import local, path_of
from parcelgate.codecs.xml.context import Context
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.walk import chosen

_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass(frozen=True, slots=True)
class Known:
    """A subtree without its unknown names, and for each of its elements the one of the sender's document."""

    subtree: _Element
    # Elements of the subtree in document order, and theirs in the sender's document.
    elements: list[_Element]
    originals: list[_Element]

    def original(self, element: _Element | None) -> _Element:
        """Find the sender's element; the boundary itself if there is none."""
        for place, each in enumerate(self.elements):
            if each is element:
                return self.originals[place]
        return self.originals[0]


def known_part(boundary: _Element, root: Node, names: Names, context: Context) -> Known:
    """Report every unknown element and attribute, and copy the subtree without them."""
    elements: list[_Element] = []
    attributes: list[tuple[_Element, str]] = []
    _find(boundary, root, names, elements, attributes, 1)
    for element in elements:
        _report(context, "FIELD_UNKNOWN", element, "")
    for element, name in attributes:
        _report(context, "ATTRIBUTE_UNKNOWN", element, name)
    dropped = set(elements)
    places = {element: place for place, element in enumerate(boundary.iter())}
    kept = [element for element in boundary.iter() if not _inside(element, dropped, boundary)]
    subtree = copy.deepcopy(boundary)
    subtree.tail = None
    copies = list(subtree.iter())
    for element, name in attributes:
        copies[places[element]].attrib.pop(name, None)
    for element in elements:
        _take_out(copies[places[element]])
    return Known(subtree, list(subtree.iter()), kept)


def _find(
    element: _Element,
    node: Node,
    names: Names,
    elements: list[_Element],
    attributes: list[tuple[_Element, str]],
    depth: int,
) -> None:
    for name in map(str, element.keys()):
        if name not in node.attributes and name not in node.fixed_attributes and not name.startswith(_INSTANCE):
            attributes.append((element, name))  # noqa: PERF401  one list for the whole subtree
    for child in element:
        known = names.name(str(child.tag))
        inner = node.children.get(known) if known is not None else None
        if inner is not None and inner.cases:
            inner = chosen(inner, child, names)
        if inner is None or depth > limit.DEPTH:
            elements.append(child)
        elif inner.fixed is None:
            _find(
                child,
                inner.each.scope.root if inner.each is not None else inner,
                names,
                elements,
                attributes,
                depth + 1,
            )


def _report(context: Context, code: str, element: _Element, attribute: str) -> None:
    # Counted by name alone: to number the places of thousands of siblings would take the square of their count.
    below = f"/@{attribute}" if attribute else ""
    context.marks.unknown(path_of(element, context.boundary, context.root) + below)
    if len(context.faults) < limit.FAULTS_OF_ONE:
        size = len(element.get(attribute, "")) if attribute else len(element.text or "")
        context.add(
            code,
            element,
            below=below,
            value=f"({size} characters)",
            name=local(element.tag),
            **({"attribute": attribute} if attribute else {}),
        )


def _inside(element: _Element, dropped: set[_Element], boundary: _Element) -> bool:
    if not dropped:
        return False
    each: _Element | None = element
    while each is not None and each is not boundary:
        if each in dropped:
            return True
        each = each.getparent()
    return False


def _take_out(element: _Element) -> None:
    parent = element.getparent()
    assert parent is not None
    element.tail = None
    parent.remove(element)
