"""A request as both doors hand it in, and what makes two requests the same: the request id, and the content by digest."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from parcelgate.api.carrier.v1.carrier_pb2 import (
    AmendRequest,
    Cancellation,
    CancelRequest,
    Shipment,
    SubmitRequest,
)
from parcelgate.api.record.v1.declaration_pb2 import (
    FLOW_IMPORT,
    FUNCTION_AMEND,
    FUNCTION_CANCEL,
    FUNCTION_ORIGINAL,
    Flow,
    Function,
)
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.carrier.finding import Spelling
from parcelgate.core import hash as canonical
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError

FORMAT = "carrier/parcelgate/v1"
MOST_SHIPMENTS = 250
LARGEST_REQUEST = 8 * 1024 * 1024
LONGEST_REFERENCE = 100
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{8,64}")

AnyRequest = SubmitRequest | AmendRequest | CancelRequest
FUNCTIONS: Mapping[type[AnyRequest], Function.ValueType] = {
    SubmitRequest: FUNCTION_ORIGINAL,
    AmendRequest: FUNCTION_AMEND,
    CancelRequest: FUNCTION_CANCEL,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a request: number counts from 1; the item of a cancellation holds only the key."""

    number: int
    path: str
    item_path: str
    item: Item
    flow: Flow.ValueType
    client_reference: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a door read it.

    Spelling turns field paths into the sender's own terms; faults (of the whole) and line_faults (by index) are what
    the door found while reading, addressed already. content is the digest of the document, where that says what is the
    same; refused has the lines (by index) of which the door could read no item, with what they are shown as.
    """

    message: AnyRequest
    spelling: Spelling = str
    faults: Sequence[Fault] = ()
    line_faults: Mapping[int, Sequence[Fault]] = field(default_factory=dict)
    format: str = FORMAT
    content: str = ""
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The carrier's own id of the request."""
        return self.message.request_id

    @property
    def function(self) -> Function.ValueType:
        """What the request does with its shipments."""
        return FUNCTIONS[type(self.message)]

    @property
    def digest(self) -> str:
        """Digest of what is asked for and of the content, by fields: the same from either door, whatever its bytes."""
        if self.content:
            return self.content
        content = canonical.fields_of(self.message)
        content.pop("request_id", None)
        # A JSON text of sorted names: field numbers, door and order on the wire leave no trace in it.
        text = json.dumps([self.function, content], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"1:{sha256(text.encode()).hexdigest()}"

    def lines(self) -> "list[Line]":
        """Return the lines, on copies of their items.

        Raises RejectError if the request as a whole cannot be taken: bad request id, no lines, too many.
        """
        if not _REQUEST_ID.fullmatch(self.id):
            raise RejectError(fault("REQUEST_ID_INVALID", address=self.spelling("request_id")))
        message = self.message
        name = "cancellations" if isinstance(message, CancelRequest) else "shipments"
        given: Sequence[Shipment | Cancellation] = getattr(message, name)
        words: dict[str, Any] = {"name": name, "limit": MOST_SHIPMENTS, "count": len(given)}
        if not given:
            raise RejectError(fault("REQUEST_EMPTY", address=self.spelling(name), **words))
        if len(given) > MOST_SHIPMENTS:
            raise RejectError(fault("REQUEST_TOO_MANY", address=self.spelling(name), **words))
        return [_line(index, f"{name}[{index}]", one) for index, one in enumerate(given)]


def _line(index: int, path: str, one: Shipment | Cancellation) -> Line:
    item = Item()
    if isinstance(one, Shipment):
        item.CopyFrom(one.item)
        return Line(index + 1, path, f"{path}.item", item, one.flow or FLOW_IMPORT, one.client_reference)
    item.key.CopyFrom(one.key)
    return Line(index + 1, path, path, item, one.flow or FLOW_IMPORT, one.client_reference)
