"""What an XSD declares, as a tree of local names: types, groups, extensions and includes are followed."""

from collections.abc import Mapping

import xmlschema
from xmlschema.validators import XsdElement, XsdGroup

from parcelgate.codecs.coverage import Declared

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def declared(schema: xmlschema.XMLSchema10, root: str) -> Declared:
    """Return what the schema declares for the root element; raises ValueError if it has none of that name."""
    for element in schema.elements.values():
        if element.local_name == root:
            return _declared(element)
    raise ValueError(f"the schema declares no element {root}")


def _declared(element: XsdElement) -> Declared:
    names = (name for name in element.attributes if name is not None and _XSI not in name)
    return Declared(frozenset(name.rpartition("}")[2] for name in names), lambda: _inside(element))


def _inside(element: XsdElement) -> Mapping[str, Declared]:
    content = getattr(element.type, "content", None)
    if not isinstance(content, XsdGroup):
        return {}
    elements = (each for each in content.iter_elements() if isinstance(each, XsdElement))
    return {each.local_name: _declared(each) for each in elements}
