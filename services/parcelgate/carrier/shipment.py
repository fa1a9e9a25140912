"""A line of a request after its checks: the declaration it would become, and all that was found."""

from dataclasses import dataclass

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_CANCEL, Declaration, DeclarationKey, Flow
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR
from parcelgate.carrier.check import check_item, check_texts
from parcelgate.carrier.finding import Findings
from parcelgate.carrier.key import settle_key, shown_identifier
from parcelgate.carrier.request import LONGEST_REFERENCE, Line, Request
from parcelgate.core import chunk, naming
from parcelgate.core import hash as canonical
from parcelgate.core.text import NUL


@dataclass(frozen=True, slots=True)
class Checked:
    """A line, the declaration it would be (its version is still open; id and hash are empty if rejected), the findings."""

    line: Line
    declaration: Declaration
    findings: Findings
    shown: str


def check_line(line: Line, request: Request, partner: str, environment: str, most: int) -> Checked:
    """Check a line for a partner and bring its item into the form of the record; at most so many faults are listed."""
    found = Findings(request.spelling, most)
    for early in request.line_faults.get(line.number - 1, ()):
        found.take(early)
    refused = request.refused.get(line.number - 1)
    if refused is not None:
        found.of_item(refused, line.number)
        return Checked(line, Declaration(function=request.function), found, refused)
    item = line.item
    if line.flow not in Flow.values():
        found.add("CODE_UNKNOWN", f"{line.path}.flow", str(line.flow), SEVERITY_ERROR, known="1 to 3")
    if NUL in line.client_reference:
        found.add("TEXT_NUL", f"{line.path}.client_reference")
    if len(line.client_reference) > LONGEST_REFERENCE:
        found.add("SHIPMENT_REFERENCE_CUT", f"{line.path}.client_reference", limit=LONGEST_REFERENCE)
    if request.function == FUNCTION_CANCEL:
        check_texts(item, line.item_path, found)
        settle_key(item.key, item.posted, partner, f"{line.item_path}.key", found)
    else:
        check_item(item, partner, line.item_path, found)
    if request.content:
        # The rows of the format have looked at most of it.
        found.unrepeated(request.line_faults.get(line.number - 1, ()))
    shown = shown_identifier(item.key)
    found.of_item(shown, line.number)
    if found.rejects:
        return Checked(line, Declaration(function=request.function), found, shown)
    key = DeclarationKey(
        item=item.key, flow=line.flow, partner=partner, environment=chunk.environment_value(environment)
    )
    declaration = Declaration(
        id=naming.declaration_id(key), key=key, function=request.function, canonical_hash=canonical.of_item(item)
    )
    return Checked(line, declaration, found, shown)
