"""What an XSD declares, as a tree of the names that mappings write: types, groups, extensions and includes are followed."""

from collections.abc import Mapping

import xmlschema
from xmlschema.validators import XsdElement, XsdGroup

from parcelgate.codecs.coverage import Declared
from parcelgate.codecs.xml.name import Names

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def declared(schema: xmlschema.XMLSchema10, root: str, names: Names) -> Declared:
    """Return what the schema declares for the root element; raises ValueError if it has none of that name."""
    element = schema.maps.elements.get(names.tag(root))
    if not isinstance(element, XsdElement):
        raise ValueError(f"the schema declares no element {root}")  # noqa: TRY004  it is the schema that is wrong
    return _declared(element, names)


def _declared(element: XsdElement, names: Names) -> Declared:
    attributes = frozenset(name for name in element.attributes if name is not None and _XSI not in name)
    return Declared(attributes, lambda: _inside(element, names))


def _inside(element: XsdElement, names: Names) -> Mapping[str, Declared]:
    content = getattr(element.type, "content", None)
    if not isinstance(content, XsdGroup):
        return {}
    elements = (each for each in content.iter_elements() if isinstance(each, XsdElement))
    # A name of a namespace that the format has no prefix for is shown as it is.
    return {names.name(each.name) or each.name: _declared(each, names) for each in elements}
