"""The OpenAPI 3.1 document of the carrier's HTTP surface, made from the contract's descriptors and the table of routes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from parcelgate.api.carrier.v1 import carrier_pb2 as carrier
from parcelgate.carrier.feed import MOST, USUAL
from parcelgate.core import resource

Schema = dict[str, Any]
_COMMENT = re.compile(
    r"((?:^[ \t]*//.*\n)+)^[ \t]*(message|enum|[\w.]+(?:[ \t]+[\w.]+)?)[ \t]+(\w+)[ \t]*(\{|=)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Row:
    """A route: what stands in the document about it, and the name of the door's method that answers."""

    method: str
    path: str
    use: str
    summary: str
    takes: Descriptor | None
    gives: Descriptor
    parameters: tuple[tuple[str, str, Schema, str], ...] = ()
    refusals: tuple[int, ...] = (400, 401, 403, 503)
    # What is taken where that is no message of the contract, by media type.
    body: Mapping[str, Schema] | None = None


_POSTED = (400, 401, 403, 409, 413, 415, 503)
_RECEIPT = ("receipt", "path", {"type": "string"}, "Receipt of the answer to the request.")
_TOKEN = ("resume_token", "query", {"type": "string"}, "Token of the last release received; none from the beginning.")
_LIMIT = (
    "limit",
    "query",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    "At most so many releases.",
)
_CARRIER = ("carrier", "path", {"type": "string"}, "Your own partner id, as your credential has it.")
_REQUEST_ID = (
    "Parcelgate-Request-Id",
    "header",
    {"type": "string", "pattern": "^[A-Za-z0-9._:-]{8,64}$"},
    "Your id of the request; without it the same bytes are the same request.",
)
_SHIPMENTS = {"description": "A shipment as the dialect describes it, or several in an array or below its own name."}
_DIALECT: Mapping[str, Schema] = {
    "application/json": {"type": ["object", "array"], **_SHIPMENTS},
    "application/x-ndjson": {"type": "string", "description": "A shipment in each line."},
}
ROUTES = (
    Row(
        "POST",
        "/v1/shipments",
        "submit",
        "Hand in up to 250 shipments; idempotent on requestId",
        carrier.SubmitRequest.DESCRIPTOR,
        carrier.SubmitResponse.DESCRIPTOR,
        refusals=_POSTED,
    ),
    Row(
        "POST",
        "/v1/carriers/{carrier}/shipments",
        "submit_dialect",
        "Hand in shipments in a JSON dialect of your profile, unchanged; recognised from the body",
        None,
        carrier.SubmitResponse.DESCRIPTOR,
        (_CARRIER, _REQUEST_ID),
        (*_POSTED[:3], 404, *_POSTED[3:-1], 422, 503),
        _DIALECT,
    ),
    Row(
        "POST",
        "/v1/shipments/amend",
        "amend",
        "Amend declared shipments, each given in full",
        carrier.AmendRequest.DESCRIPTOR,
        carrier.AmendResponse.DESCRIPTOR,
        refusals=_POSTED,
    ),
    Row(
        "POST",
        "/v1/shipments/cancel",
        "cancel",
        "Cancel declared shipments",
        carrier.CancelRequest.DESCRIPTOR,
        carrier.CancelResponse.DESCRIPTOR,
        refusals=_POSTED,
    ),
    Row(
        "GET",
        "/v1/shipments/requests/{receipt}",
        "stored",
        "Show the stored answer to a request",
        None,
        carrier.SubmitResponse.DESCRIPTOR,
        (_RECEIPT,),
        (401, 403, 404),
    ),
    Row(
        "GET",
        "/v1/decisions",
        "decisions",
        "Read decisions from a resume token on; may be read again",
        None,
        carrier.PullResponse.DESCRIPTOR,
        (_TOKEN, _LIMIT),
        (400, 401, 403, 409),
    ),
)


@cache
def document() -> Mapping[str, Any]:
    """Return the document; its parts (paths, components) may be merged with those of other services."""
    schemas: dict[str, Schema] = {"Refusal": _REFUSAL, "RefusalFault": _REFUSAL_FAULT}
    paths: dict[str, Any] = {}
    for row in ROUTES:
        for descriptor in filter(None, (row.takes, row.gives)):
            _add(descriptor, schemas)
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "parcelgate: shipments and decisions of carriers",
            "version": "1",
            "description": "The JSON mapping of the gRPC contract: 64-bit numbers may be strings, enums are names, "
            "field names are lowerCamelCase (the names of the contract are understood as well).",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "The partner's API key."}},
        },
        "security": [{"key": []}],
    }


def _operation(row: Row) -> Schema:
    shown: Schema = {"operationId": row.use, "summary": row.summary, "responses": {}}
    if row.parameters:
        shown["parameters"] = [
            {"name": name, "in": place, "required": place == "path", "schema": schema, "description": text}
            for name, place, schema, text in row.parameters
        ]
    if row.takes is not None:
        shown["requestBody"] = {"required": True, "content": _content(_reference(row.takes.full_name))}
    if row.body is not None:
        content = {media_type: {"schema": schema} for media_type, schema in row.body.items()}
        shown["requestBody"] = {"required": True, "content": content}
    shown["responses"]["200"] = {
        "description": sentence_of(row.gives.full_name),
        "content": _content(_reference(row.gives.full_name)),
    }
    for status in row.refusals:
        shown["responses"][str(status)] = {"description": _STATUSES[status], "content": _content(_reference("Refusal"))}
    return shown


def _content(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _add(descriptor: Descriptor, schemas: dict[str, Schema]) -> None:
    name = _short(descriptor.full_name)
    if name in schemas:
        return
    schema: Schema = {"type": "object", "description": sentence_of(descriptor.full_name), "properties": {}}
    schemas[name] = schema
    for known in descriptor.fields:
        inner = _field(known)
        text = sentence_of(f"{descriptor.full_name}.{known.name}")
        schema["properties"][known.json_name] = {**inner, "description": text}
        if known.message_type is not None:
            _add(known.message_type, schemas)
        elif known.enum_type is not None:
            schemas.setdefault(_short(known.enum_type.full_name), _enum(known.enum_type))


def _field(known: FieldDescriptor) -> Schema:
    kind = known.message_type or known.enum_type
    single = _reference(kind.full_name) if kind is not None else dict(_SCALARS[known.cpp_type])
    return {"type": "array", "items": single} if known.is_repeated else single


def _enum(descriptor: EnumDescriptor) -> Schema:
    return {
        "type": "string",
        "enum": [value.name for value in descriptor.values],
        "description": sentence_of(descriptor.full_name),
    }


def _reference(full_name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{_short(full_name)}"}


def _short(full_name: str) -> str:
    return full_name.rpartition(".")[2]


def sentence_of(full_name: str) -> str:
    """Return the comment that the contract has on a message, enum or field."""
    return _sentences().get(full_name, "")


@cache
def _sentences() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted(resource.contracts().rglob("*.proto")):
        text = path.read_text("utf-8")
        package = re.search(r"^package (.+);$", text, re.MULTILINE)
        found |= _sentences_in(text, package[1] if package else "")
    return found


def _sentences_in(text: str, package: str) -> Iterable[tuple[str, str]]:
    """Find comments; messages of the contract are never nested, so a field belongs to the message begun last."""
    owner, found = "", []
    for comment, kind, name, opens in _COMMENT.findall(text):
        sentence = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
        if opens == "{":
            owner = f"{package}.{name}"
            found.append((owner, sentence))
        elif kind:
            found.append((f"{owner}.{name}", sentence))
    return found


_SCALARS: Mapping[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.CPPTYPE_INT64: {"type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
}
_STATUSES: Mapping[int, str] = {
    400: "The request cannot be read or taken; nothing of it was kept.",
    401: "The credential is missing or unknown.",
    403: "The credential is not that of a carrier.",
    404: "There is no request of yours with this receipt, or no carrier of yours with this id.",
    409: "The request id was used for other content, or the token is ahead of the log.",
    413: "The request is too large.",
    415: "The body is not of a media type that is taken here, or compressed.",
    422: "The format of the body is not known, not agreed for you, or carries no shipments.",
    503: "Nothing can be stored now; come again after Retry-After seconds.",
}
_REFUSAL_FAULT: Schema = {
    "type": "object",
    "required": ["code", "severity", "sentence", "hint"],
    "properties": {
        "code": {"type": "string"},
        "severity": {"type": "string", "enum": ["notice", "warning", "error"]},
        "address": {"type": "string", "description": "JSON Pointer into the request, or the name of a parameter."},
        "line": {"type": "integer"},
        "sentence": {"type": "string"},
        "hint": {"type": "string"},
        "value": {"type": "string"},
    },
}
_REFUSAL: Schema = {
    "type": "object",
    "description": "Why the call as a whole was refused.",
    "required": ["faults"],
    "properties": {"faults": {"type": "array", "items": {"$ref": "#/components/schemas/RefusalFault"}}},
}
