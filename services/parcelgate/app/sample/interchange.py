"""Samples as partners send them: postal interchanges in a format, and carriers' requests in canonical JSON."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from google.protobuf import json_format

from parcelgate.api.carrier.v1.carrier_pb2 import (
    AmendRequest,
    Cancellation,
    CancelRequest,
    Shipment,
    SubmitRequest,
)
from parcelgate.api.record.v1.declaration_pb2 import (
    FUNCTION_AMEND,
    FUNCTION_CANCEL,
    FUNCTION_ORIGINAL,
    Declaration,
    DeclarationKey,
    Function,
)
from parcelgate.app.sample.traffic import Sample

# Writes a document: format id, header fields, declarations; parcelgate.codecs.translate.write has this shape.
Write: TypeAlias = Callable[[str, Mapping[str, Any], Iterable[Declaration]], Iterator[bytes]]
Request: TypeAlias = SubmitRequest | AmendRequest | CancelRequest

CUSITM = "upu/cusitm/own-1"
CARRIER_MOST = 250  # carrier.proto: up to 250 shipments a request


@dataclass(frozen=True, slots=True)
class Interchange:
    """One interchange: its reference, its header fields, what it declares, and the document."""

    reference: str
    header: Mapping[str, Any]
    samples: Sequence[Sample]
    document: bytes

    def save(self, folder: Path) -> Path:
        """Write the document as <reference>.xml; a reader of the folder never sees half of it."""
        path = folder / f"{self.reference}.xml"
        half = path.with_suffix(".tmp")
        half.write_bytes(self.document)
        return half.rename(path)


def declaration(sample: Sample, partner: str = "") -> Declaration:
    """Make the declaration of a sample as its sender makes it: without id, version and provenance."""
    return Declaration(
        key=DeclarationKey(item=sample.item.key, flow=sample.flow, partner=partner),
        function=sample.function,
        item=sample.item,
    )


def by_origin(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Part samples by the country that posts them, each part in its order: what one origin post declares."""
    parts: dict[str, list[Sample]] = {}
    for sample in samples:
        parts.setdefault(sample.item.origin_country, []).append(sample)
    return parts


def interchanges(
    samples: Iterable[Sample],
    *,
    write: Write,
    sender: str,
    recipient: str,
    seed: int,
    prepared_at: dt.datetime,
    size: int = 100,
    format_id: str = CUSITM,
    test: bool = True,
) -> Iterator[Interchange]:
    """Group samples, in their order, into interchanges of size items.

    sender and recipient are organisation codes as written in the header. The reference is unique per sender, seed and place in the
    stream. prepared_at is the time of the first interchange; each later one is a minute younger. An interchange may hold
    originals, corrections and cancellations: each item says its own function.
    """
    for index, batch in enumerate(_batches(samples, size), 1):
        reference = f"{sender}{seed:06d}{index:05d}"
        prepared = prepared_at + dt.timedelta(minutes=index - 1)
        header: dict[str, Any] = {
            "interchange_reference": reference,
            "message_reference": f"{reference}-1",
            "sender": sender,
            "recipient": recipient,
            "prepared_at": {"written": prepared.isoformat(timespec="seconds")},
            "test_indicator": test,
            "function": FUNCTION_ORIGINAL,
            "items_count": len(batch),
        }
        document = b"".join(write(format_id, header, (declaration(sample) for sample in batch)))
        yield Interchange(reference, header, batch, document)


def requests(samples: Iterable[Sample], *, seed: int, size: int = 50) -> Iterator[Request]:
    """Group samples into carrier requests of at most size shipments; one batch gives a submit, an amend and a cancel request as needed.

    A correction never comes before its original. Raises ValueError for a size that the contract does not allow.
    """
    if not 1 <= size <= CARRIER_MOST:
        raise ValueError(f"a request holds 1 to {CARRIER_MOST} shipments")
    ids = Random(f"{seed}/requests")
    line = 0
    for batch in _batches(samples, size):
        numbered = [(f"L{line + place:07d}", sample) for place, sample in enumerate(batch, 1)]
        line += len(batch)
        submitted = _shipments(numbered, FUNCTION_ORIGINAL)
        amended = _shipments(numbered, FUNCTION_AMEND)
        cancelled = [
            Cancellation(key=sample.item.key, flow=sample.flow, client_reference=reference)
            for reference, sample in numbered
            if sample.function == FUNCTION_CANCEL
        ]
        if submitted:
            yield SubmitRequest(request_id=_request_id(ids), shipments=submitted)
        if amended:
            yield AmendRequest(request_id=_request_id(ids), shipments=amended)
        if cancelled:
            yield CancelRequest(request_id=_request_id(ids), cancellations=cancelled)


def canonical_json(request: Request) -> bytes:
    """Write a request in canonical protobuf JSON, UTF-8."""
    return json_format.MessageToJson(request, ensure_ascii=False, indent=None).encode()


def _shipments(numbered: Iterable[tuple[str, Sample]], function: Function.ValueType) -> list[Shipment]:
    return [
        Shipment(item=sample.item, flow=sample.flow, client_reference=reference)
        for reference, sample in numbered
        if sample.function == function
    ]


def _request_id(ids: Random) -> str:
    return str(uuid.UUID(int=ids.getrandbits(128), version=4))


def _batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    rest = iter(samples)
    while batch := list(islice(rest, size)):
        yield batch
