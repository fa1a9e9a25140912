"""What an XSD declares, as a tree of the names that mappings write: types, groups, extensions and includes are followed."""

from collections.abc import Iterator, Mapping

import xmlschema
from xmlschema.validators import XsdAnyElement, XsdElement, XsdGroup

from parcelgate.codecs.coverage import Declared
from parcelgate.codecs.xml.name import Names

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def declared(schema: xmlschema.XMLSchema10, root: str, names: Names) -> Declared:
    """Return what the schema declares for the root element; raises ValueError if it has none of that name."""
    element = schema.maps.elements.get(names.tag(root))
    if not isinstance(element, XsdElement):
        raise ValueError(f"the schema declares no element {root}")  # noqa: TRY004  it is the schema that is wrong
    return _Looking(schema, names).declared(element)


class _Looking:
    """Makes what is asked for out of one schema."""

    def __init__(self, schema: xmlschema.XMLSchema10, names: Names) -> None:
        self._schema = schema
        self._names = names

    def declared(self, element: XsdElement) -> Declared:
        attributes = frozenset(name for name in element.attributes if name is not None and _XSI not in name)
        return Declared(attributes, lambda: self._inside(element), lambda name: self._guest(element, name))

    def _inside(self, element: XsdElement) -> Mapping[str, Declared]:
        elements = (each for each in _content(element) if isinstance(each, XsdElement))
        # A name of a namespace that the format has no prefix for is shown as it is.
        return {self._names.name(each.name) or each.name: self.declared(each) for each in elements}

    def _guest(self, element: XsdElement, name: str) -> Declared | None:
        """Look for an element that a wildcard lets stand here."""
        tag = self._names.tag(name)
        guest = self._schema.maps.elements.get(tag)
        allowed = any(isinstance(each, XsdAnyElement) and each.is_matching(tag) for each in _content(element))
        return self.declared(guest) if allowed and isinstance(guest, XsdElement) else None


def _content(element: XsdElement) -> Iterator[XsdElement | XsdAnyElement]:
    content = getattr(element.type, "content", None)
    return content.iter_elements() if isinstance(content, XsdGroup) else iter(())
