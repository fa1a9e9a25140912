"""What is wrong with a subtree that the schema refuses: every fault, with its place in the sender's document.

libxml2 says in the flow whether something is wrong, but stops looking after an unexpected element. So the unknown names are
taken out and the rest is checked again; xmlschema explains the first bad items of an interchange in full, and libxml2's
own list serves for the others, which then may have more faults than are listed.
"""

import re
from itertools import islice
from typing import cast

from lxml import etree
from lxml.etree import _Element
from xmlschema.validators.exceptions import XMLSchemaChildrenValidationError, XMLSchemaValidationError

from parcelgate.codecs.mapping.masking import masked
from parcelgate.codecs.mapping.scope import Scope
from parcelgate.codecs.xml import limit
from parcelgate.codecs.xml.address import address_of, local
from parcelgate.codecs.xml.context import Context
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.schema import Schema
from parcelgate.codecs.xml.unknown import Known, known_part
from parcelgate.core.fault import fault

# Numbers of libxml2's schema errors: content model; attribute; text or elements where none may be.
_CONTENT = 1871
_ATTRIBUTE = 1866
_STRAY = (1828, 1843)
_EXPECTED = re.compile(r"\}([\w.\-]+)")
_STEP = re.compile(r"/([^\[/]+)(?:\[(\d+)\])?")
_TYPE = re.compile(r"type '(?:\{[^}]*\})?([^']+)'")
_NAMESPACE = re.compile(r"\{[^}]*\}")
_FACET = re.compile(r"facet '(\w+)'")


class Explainer:
    """Explains what a schema refuses; counts how many it has explained in full."""

    def __init__(self, schema: Schema, names: Names) -> None:
        """Take the schema, and the names of the format."""
        self._schema = schema
        self._names = names
        self._explained = 0

    def explain(self, boundary: _Element, scope: Scope, context: Context) -> None:
        """Add all faults that the mapping has not found itself."""
        known = known_part(boundary, scope.root, self._names, context)
        fast = self._schema.fast
        if not fast.validate(known.subtree):
            errors = self._errors(known.subtree)
            if errors is not None:
                for error in errors:
                    if not self._room(context):
                        break
                    self._slow(error, known, context)
            else:
                before = len(context.faults)
                for entry in list(fast.error_log):
                    if not self._room(context):
                        break
                    self._quick(entry, known, context)
                for each in context.faults[before:]:
                    each.more_possible = True
        if not self._room(context):
            context.faults.append(fault("FAULTS_CUT", item_number=context.number, more_possible=True))

    def _errors(self, subtree: _Element) -> list[XMLSchemaValidationError] | None:
        """Let xmlschema explain a subtree; None if it has explained enough, or can't explain this one."""
        if self._explained >= limit.EXPLAINED:
            return None
        self._explained += 1
        try:
            return list(islice(self._schema.errors(subtree), limit.FAULTS_OF_ONE + 1))
        except ArithmeticError:
            # Values beyond what it computes with, such as a year of ten digits.
            return None

    def _room(self, context: Context) -> bool:
        return len(context.faults) < limit.FAULTS_OF_ONE

    def _slow(self, error: XMLSchemaValidationError, known: Known, context: Context) -> None:
        element = known.original(cast("_Element | None", error.elem))
        if isinstance(error, XMLSchemaChildrenValidationError):
            wanted = [str(getattr(each, "local_name", None) or "an element") for each in error.expected or ()]
            if error.invalid_tag is None:
                self._missing(element, wanted, context)
                return
            child = cast("_Element | None", error.invalid_child)
            self._unexpected(known.original(child) if child is not None else element, wanted, context)
            return
        reason = error.reason or "it does not fit the schema"
        if "character data" in reason or "simple content" in reason:
            self._stray(element, context)
            return
        words = reason.replace(repr(error.obj), "it") if isinstance(error.obj, str) else reason
        self._value(element, _NAMESPACE.sub("", words)[:160], context)

    def _quick(self, entry: etree._LogEntry, known: Known, context: Context) -> None:
        element = known.original(_followed(known.subtree, entry.path or ""))
        if entry.type == _CONTENT:
            shown, _, expected = entry.message.partition("xpected is")
            wanted = _EXPECTED.findall(expected)
            if "Missing child" in shown:
                self._missing(element, wanted, context)
            else:
                self._unexpected(element, wanted, context)
        elif entry.type in _STRAY:
            self._stray(element, context)
        elif entry.type != _ATTRIBUTE:
            facet, kind = _FACET.search(entry.message), _TYPE.search(entry.message)
            about = f"against its {facet[1]}" if facet else f"no {kind[1]}" if kind else "not allowed here"
            self._value(element, about, context)

    def _missing(self, container: _Element, wanted: list[str], context: Context) -> None:
        address = address_of(container, context.boundary, context.root, context.number)
        if any(f"{address}/{name}" in context.places for name in wanted):
            return
        names = _listed(wanted)
        below = f"/{wanted[0]}" if len(wanted) == 1 else ""
        context.add("FIELD_MISSING", container, below=below, container=local(container.tag), name=names)

    def _unexpected(self, element: _Element, wanted: list[str], context: Context) -> None:
        name = local(element.tag)
        if name not in wanted and next(element.itersiblings(str(element.tag), preceding=True), None) is not None:
            context.add("FIELD_REPEATED", element, name=name)
            return
        container = element.getparent()
        if container is not None and element is not context.boundary:
            address = address_of(container, context.boundary, context.root, context.number)
            if any(f"{address}/{each}" in context.places for each in wanted):
                return
        context.add("FIELD_UNEXPECTED", element, name=name, wanted=_listed(wanted))

    def _stray(self, element: _Element, context: Context) -> None:
        context.add("TEXT_STRAY", element, name=local(element.tag))

    def _value(self, element: _Element, detail: str, context: Context) -> None:
        address = address_of(element, context.boundary, context.root, context.number)
        if address not in context.places:
            context.add(
                "FIELD_VALUE", element, value=masked(element.text or ""), name=local(element.tag), detail=detail
            )


def _listed(names: list[str]) -> str:
    if not names:
        return "a field that comes later, or the end"
    shown = names[:8]
    return ", ".join(shown) + (" …" if len(names) > len(shown) else "")


def _followed(subtree: _Element, path: str) -> _Element | None:
    """Follow a path as libxml2 writes it: a star counts all elements, a name those of that name."""
    element: _Element | None = subtree
    for name, number in _STEP.findall(path)[1:]:
        if element is None:
            return None
        wanted = int(number or 1)
        last = name.rpartition(":")[2]
        same = (child for child in element if name == "*" or local(child.tag) == last)
        element = next((child for place, child in enumerate(same, 1) if place == wanted), None)
    return element
