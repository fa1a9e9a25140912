"""Reading a document that comes in parts: header, items and trailer, each as one subtree that is dropped when it was read.

Whatever the bytes are, the reading ends with one Closed and raises nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree
from lxml.etree import QName, _Element

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.engine import End, Subtree
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.scope import Scope
from parcelgate.codecs.xml import limit
from parcelgate.codecs.xml.address import local
from parcelgate.codecs.xml.context import Context
from parcelgate.codecs.xml.line import Lines
from parcelgate.codecs.xml.name import Names
from parcelgate.codecs.xml.part import NotText, Root, opened
from parcelgate.codecs.xml.qualify import qualify
from parcelgate.codecs.xml.schema import Schema
from parcelgate.codecs.xml.shape import Shapes
from parcelgate.codecs.xml.unknown import known_part
from parcelgate.codecs.xml.verdict import Explainer
from parcelgate.codecs.xml.walk import Reader
from parcelgate.core.fault import fault

_NAMES = frozenset(
    (
        etree.ErrorTypes.WAR_NS_URI,
        etree.ErrorTypes.WAR_NS_URI_RELATIVE,
        *range(etree.ErrorTypes.NS_ERR_XML_NAMESPACE, etree.ErrorTypes.NS_ERR_COLON + 1),
        etree.ErrorTypes.DTD_XMLID_VALUE,
        etree.ErrorTypes.DTD_XMLID_TYPE,
    )
)


@dataclass(frozen=True, slots=True)
class XmlFormat:
    """What the XML engine needs of a format; compiled once, shared by all documents of the process."""

    # As the mapping writes it.
    root: str
    names: Names
    mapping: FormatMapping
    schema: Schema
    # By tag; the header may be the root's own fields, and then has none.
    readers: dict[str, tuple[Scope, Reader]]
    shapes: Shapes
    # Documents may leave all namespaces out.
    unqualified: bool

    @property
    def shown_root(self) -> Root:
        """The root element as people write it."""
        name = QName(self.names.tag(self.root))
        return Root(name.localname, name.namespace or "")


def compile_xml(root: str, names: Names, mapping: FormatMapping, schema: Schema, *, unqualified: bool) -> XmlFormat:
    """Compile the readers of a format."""
    spare = len(mapping.paths)
    readers = {
        names.tag(name) if name else "": (scope, Reader(scope, names, spare)) for name, scope in mapping.scopes.items()
    }
    shapes = Shapes(mapping.item, readers[names.tag(mapping.item_at)][1], names)
    return XmlFormat(root, names, mapping, schema, readers, shapes, unqualified)


def read(parts: Iterable[bytes], form: XmlFormat) -> Iterator[Subtree | End]:
    """Yield header, items and trailer as they close, then the end."""
    mapping = form.mapping
    marks = Marks(mapping.paths, mapping.ignored)
    pieces = opened(parts)
    root = next(pieces)
    if isinstance(root, Fault):
        yield End(root, marks)
        return
    assert isinstance(root, Root)
    wanted = form.shown_root
    plain = form.unqualified and not root.namespace
    if root.name != wanted.name or not (plain or root.namespace == wanted.namespace):
        yield End(fault("FORMAT_DIFFERS", line=1, found=root, wanted=wanted), marks)
        return
    reading = _Reading(form, marks, root.encoding, plain=plain)
    stopped: Fault | None = None
    try:
        for piece in pieces:
            assert isinstance(piece, bytes)
            yield from reading.feed(piece)
            if reading.stopped is not None:
                stopped = reading.stopped
                break
        else:
            stopped = reading.close()
    except NotText as error:
        stopped = fault("XML_ENCODING", detail=str(error))
    reading.count()
    yield End(stopped, marks, reading.strays)


class _Reading:
    """One document on its way through the parser."""

    def __init__(self, form: XmlFormat, marks: Marks, encoding: str | None, *, plain: bool) -> None:
        self._form = form
        self._item = form.names.tag(form.mapping.item_at)
        self._lines = Lines(local(self._item))
        self._context = Context(form.shown_root.name, marks, self._lines)
        self._explainer = Explainer(form.schema, form.names)
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=tuple(local(tag) if plain else tag for tag in form.readers if tag),
            encoding=encoding,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            recover=False,
            remove_comments=True,
            remove_blank_text=True,
            remove_pis=True,
        )
        self._validate = form.schema.fast.validate
        self._readers = {tag: (local(tag), scope, reader.read) for tag, (scope, reader) in form.readers.items()}
        # The tags of boundaries without namespace, where the document has none.
        self._plain = {local(tag): tag for tag in form.readers if tag} if plain else {}
        self._events = self._parser.read_events()
        self._number = 0
        # Bytes since the last boundary ended, that of the piece included.
        self._gap = 0
        self._signs = 0
        # In the first batch no boundary of an earlier one stands before it.
        self._first = 1
        self._last: _Element | None = None
        self._root: _Element | None = None
        self.stopped: Fault | None = None
        self.strays: list[Fault] = []

    def feed(self, piece: bytes) -> Iterator[Subtree]:
        self._gap += len(piece)
        # Only if the bytes can hold more elements (of four bytes each) or attributes than an item may have, they are counted.
        signs = piece.count(b"=")
        self._signs += signs
        large = self._gap > 4 * limit.ELEMENTS or self._signs > limit.ATTRIBUTES
        self._lines.feed(piece)
        gap, ended = self._gap, 0
        self._parse(piece)
        root = self._root
        for _, element in self._events:
            parent = element.getparent()
            if parent is not root or root is None:
                if parent is None or parent.getparent() is not None:
                    continue
                self._root = root = parent
                if "" in self._readers:
                    yield self._beginning(root, element)
            ended += 1
            if self._plain:
                self._qualify(element, self._plain[str(element.tag)])
            yield self._subtree(element, gap if large else 0)
        if ended:
            self._gap, self._signs = len(piece), signs
            self._prune(ended - self._first)
            self._first = 0
        elif self._gap > limit.GAP and self.stopped is None:
            line = self._lines.after_items()
            self.stopped = fault("HEADER_TOO_LARGE", line=line, limit=limit.GAP, name=self._form.mapping.item_at)
        self._lines.piece_done()

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed(piece)
        except etree.XMLSyntaxError as error:
            self.stopped = self._undefined_entity() or _malformed(error.msg or "", error.lineno or 0)
        else:
            # An entity that nobody defined stops the parser without a word.
            log = self._parser.feed_error_log
            if len(log):
                self.stopped = self._undefined_entity() or _malformed(log[0].message, log[0].line)

    def close(self) -> Fault | None:
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError as error:
            if _of_names(error):
                return _malformed(error.msg or "", error.lineno or 0)
            return self._undefined_entity() or fault("XML_TRUNCATED", line=error.lineno or 0)
        self._strays(root if self._last is None else self._last.itersiblings())
        return None

    def count(self) -> None:
        """Count the rows of the items that were read by their shape."""
        context = self._context
        for shape, times in context.shapes.items():
            for row in shape.rows:
                context.counts[row] += times

    def _undefined_entity(self) -> Fault | None:
        """Tell of an entity that is not defined, at which libxml2 stops without a word of it."""
        found = self._lines.undefined_entity()
        return None if found is None else fault("XML_ENTITY", line=found[1], name=found[0])

    def _subtree(self, element: _Element, gap: int) -> Subtree:
        tag = str(element.tag)
        name, scope, read = self._readers[tag]
        number = 0
        if tag == self._item:
            self._number = number = self._number + 1
            self._lines.item_ended()
        context = self._context
        context.begin(element, number)
        self._last = element
        refused = _shape(element, gap, number) if gap else None
        if refused is not None:
            context.add(refused[0], element, **refused[1])
            return Subtree(name, number, {}, context.faults)
        context.valid = self._validate(element)
        if context.valid:
            record = self._form.shapes.read(element, context) if number else read(element, context)
        else:
            record = read(element, context)
            self._explainer.explain(element, scope, context)
        if number == 0 and name == self._form.mapping.header_at:
            context.header = record
        return Subtree(name, number, record, context.faults)

    def _beginning(self, root: _Element, item: _Element) -> Subtree:
        """Read what stands in the root before its first item as the header; a schema knows it only as a part of the root."""
        header = etree.Element(root.tag, nsmap=root.nsmap)
        header.extend(root[: root.index(item)])
        _, scope, read = self._readers[""]
        if self._plain:
            self._qualify(header, self._form.names.tag(self._form.root), scope)
        context = self._context
        context.begin(header, 0)
        context.valid = False
        context.header = record = read(header, context)
        known_part(header, scope.root, self._form.names, context)
        return Subtree("", 0, record, context.faults)

    def _qualify(self, element: _Element, tag: str, scope: Scope | None = None) -> None:
        element.tag = tag
        qualify(element, [(scope or self._readers[tag][1]).root], self._form.names)

    def _strays(self, elements: Iterable[_Element]) -> None:
        """Report the elements beside the boundaries, that no row knows."""
        for element in elements:
            if element.tag in self._readers:
                continue
            name = local(element.tag)
            address = f"/{self._context.root}/{name}"
            self._context.marks.unknown(address)
            if len(self.strays) < limit.FAULTS_OF_ONE:
                self.strays.append(fault("FIELD_UNKNOWN", address=address, line=element.sourceline or 0, name=name))

    def _prune(self, batch: int) -> None:
        """Drop what stands before the last boundary; at most the one before this batch and the batch itself are there."""
        last = self._last
        assert last is not None
        root = last.getparent()
        if root is not None:
            place = root.index(last)
            if place > batch:
                self._strays(root[:place])
            if place:
                del root[:place]


def _shape(element: _Element, gap: int, number: int) -> tuple[str, dict[str, Any]] | None:
    """Check the limits of an item that is large enough to exceed them; never touches what it counts."""
    attributes = 0
    for elements, each in enumerate(element.iter(), 1):
        attributes += len(each.attrib)
        if elements > limit.ELEMENTS:
            return "ITEM_TOO_COMPLEX", {"count": elements, "things": "elements or more", "limit": limit.ELEMENTS}
        if attributes > limit.ATTRIBUTES:
            return "ITEM_TOO_COMPLEX", {"count": attributes, "things": "attributes or more", "limit": limit.ATTRIBUTES}
    if gap > limit.ITEM:
        size = len(etree.tostring(element, encoding="utf-8", with_tail=False))
        if size > limit.ITEM:
            return ("ITEM_TOO_LARGE" if number else "HEADER_TOO_LARGE"), {
                "size": size,
                "limit": limit.ITEM,
                "name": "item",
            }
    return None


def _of_names(error: etree.XMLSyntaxError) -> bool:
    """Tell whether it is about namespaces or xml:id; libxml2 reads on after such an error and tells it at the end."""
    return error.code in _NAMES


def _malformed(message: str, line: int) -> Fault:
    detail = message.partition(", line ")[0].strip() or "not XML"
    if "encod" in detail.lower() or "not proper UTF" in detail or "invalid byte" in detail.lower():
        return fault("XML_ENCODING", line=line, detail=detail[:120])
    if "depth" in detail.lower():
        return fault("XML_TOO_DEEP", line=line)
    return fault("XML_NOT_WELL_FORMED", line=line, detail=detail[:120])
