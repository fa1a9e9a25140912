"""Where something stands in the sender's document: an XPath by local names, with the number of the item."""

from lxml.etree import _Element


def local(tag: object) -> str:
    """Take the namespace off a name."""
    return str(tag).rpartition("}")[2]


def address_of(element: _Element, boundary: _Element, root: str, number: int) -> str:
    """Write the XPath of an element inside the boundary (an item, or the header with number 0)."""
    steps: list[str] = []
    each: _Element | None = element
    while each is not None and each is not boundary:
        steps.append(_step(each))
        each = each.getparent()
    name = local(boundary.tag)
    steps.append(f"{name}[{number}]" if number else name)
    steps.append(root)
    return "/" + "/".join(reversed(steps))


def path_of(element: _Element, boundary: _Element, root: str) -> str:
    """Write where an element stands by names alone, the same for all its namesakes."""
    steps: list[str] = []
    each: _Element | None = element
    while each is not None and each is not boundary:
        steps.append(local(each.tag))
        each = each.getparent()
    return "/".join(["", root, local(boundary.tag), *reversed(steps)])


def _step(element: _Element) -> str:
    before = sum(1 for _ in element.itersiblings(str(element.tag), preceding=True))
    if before or next(element.itersiblings(str(element.tag)), None) is not None:
        return f"{local(element.tag)}[{before + 1}]"
    return local(element.tag)
