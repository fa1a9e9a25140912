"""Books the lines of one request in order: versions, results, facts, and the chunks that go to the router."""

from collections.abc import Iterator, Mapping

from parcelgate.api.carrier.v1.carrier_pb2 import SubmitResponse, SubmitResult
from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_DECLARATIONS, ChunkEntry
from parcelgate.api.record.v1.declaration_pb2 import Declaration, DeclarationKey, Flow, Function, Provenance
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, Fault
from parcelgate.api.record.v1.item_pb2 import ItemKey
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.carrier.finding import MOST
from parcelgate.carrier.request import LONGEST_REFERENCE, Request
from parcelgate.carrier.shipment import Checked
from parcelgate.core import chunk, naming
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.port import Message, Outcome, Write
from parcelgate.core.seal import Vault
from parcelgate.core.version import Known, judge


class Booking:
    """One try at one request: known holds the newest versions as committed, by declaration id."""

    def __init__(self, request: Request, partner: str, environment: str, now: int, known: Mapping[str, Known]) -> None:
        self.answer = SubmitResponse(
            request_id=request.id, receipt=naming.receipt(), faults=list(request.faults)[: MOST + 1]
        )
        self._request = request
        self._partner, self._environment, self._now = partner, environment, now
        self._committed = known
        self._newest: dict[str, Known] = {}
        self._accepted: list[Checked] = []
        self._facts: list[Fact] = []

    def book(self, checked: Checked) -> None:
        """Settle what becomes of the next line; lines on the same declaration follow each other."""
        declaration, faults = checked.declaration, list(checked.findings.faults)
        if checked.findings.rejects:
            self._reject(checked, faults)
            return
        known = self._newest.get(declaration.id) or self._committed.get(declaration.id) or Known()
        verdict = judge(declaration.function, declaration.canonical_hash, known)
        if verdict.fault_code:
            self._reject(checked, [self._said(verdict.fault_code, checked, known), *faults])
            return
        declaration.version = verdict.version
        declaration.provenance.CopyFrom(self._provenance(checked.line.number))
        if verdict.unchanged:
            self._result(checked, "UNCHANGED", [self._said("DECLARED_BEFORE", checked, known), *faults])
            self._facts.append(
                fact("declaration.unchanged", self._now, declaration=declaration, distinct=str(checked.line.number))
            )
            return
        del declaration.findings[:]
        declaration.findings.extend(faults)
        self._newest[declaration.id] = Known(
            verdict.version,
            declaration.function,
            declaration.canonical_hash,
            self.answer.receipt,
            checked.line.number,
        )
        self._accepted.append(checked)
        self._result(checked, "ACCEPTED", faults)
        self._facts.append(
            fact(
                "declaration.accepted",
                self._now,
                declaration=declaration,
                destination=checked.line.item.destination_country,
                faults=faults,
                details={
                    "function": Function.Name(declaration.function).removeprefix("FUNCTION_"),
                    "format": self._request.format,
                },
            )
        )

    def outcome(self, digest: str, vault: Vault) -> Outcome:
        """Return all that the request changes and sends; the answer is stored in the same transaction."""
        request, place = self._request, (self._environment, self._partner)
        row = (*place, request.id, digest, self.answer.receipt, self.answer.SerializeToString(), self._now)
        fresh, later = [], []
        for declaration_id, newest in self._newest.items():
            columns = (newest.version, newest.function, newest.canonical_hash, newest.receipt, newest.number)
            before = self._committed.get(declaration_id)
            if before is None:
                fresh.append((*place, declaration_id, *columns))
            else:
                later.append((*columns, *place, declaration_id, before.version))
        outcome = Outcome(
            writes=[
                Write("carrier.store_answer", [row], exact=True),
                Write("carrier.begin_declaration", fresh, exact=True),
                Write("carrier.advance_declaration", later, exact=True),
            ],
            facts=[self._received(), *self._facts],
        )
        if self._accepted:
            key = vault.new_key()
            outcome.keys.append(key)
            outcome.messages.extend(self._chunks(key.id, vault))
        return outcome

    def _chunks(self, key_id: str, vault: Vault) -> Iterator[Message]:
        by_flow: dict[Flow.ValueType, list[tuple[ChunkEntry, bytes]]] = {}
        for checked in self._accepted:
            sealed = vault.seal(key_id, checked.line.item.SerializeToString(deterministic=True))
            entry = ChunkEntry(declaration=checked.declaration, data_key=key_id)
            by_flow.setdefault(checked.line.flow, []).append((entry, sealed))
        for flow, entries in by_flow.items():
            address = chunk.Address(
                "advance",
                "carrier",
                CHUNK_KIND_DECLARATIONS,
                chunk.environment_value(self._environment),
                self._partner,
                flow,
            )
            yield from chunk.pack(address, entries, f"{self.answer.receipt}/{flow}")

    def _received(self) -> Fact:
        return fact(
            "interchange.received",
            self._now,
            declaration=self._bare(ItemKey(), 0),
            count=len(self.answer.results),
            faults=self.answer.faults,
            details={
                "format": self._request.format,
                "function": Function.Name(self._request.function).removeprefix("FUNCTION_"),
            },
        )

    def _reject(self, checked: Checked, faults: list[Fault]) -> None:
        self._result(checked, "REJECTED", faults)
        number = checked.line.number
        # The key itself may hold anything where it was refused; only what may be shown goes into the fact.
        bare = self._bare(ItemKey(identifier=checked.shown), number)
        self._facts.append(
            fact(
                "item.rejected",
                self._now,
                declaration=bare,
                code=next(one.code for one in faults if one.severity == SEVERITY_ERROR),
                destination="",
                faults=faults,
                distinct=str(number),
            )
        )

    def _result(self, checked: Checked, outcome: str, faults: list[Fault]) -> None:
        self.answer.results.append(
            SubmitResult(
                client_reference=checked.line.client_reference[:LONGEST_REFERENCE],
                item=checked.shown,
                outcome=outcome,
                declaration_id="" if outcome == "REJECTED" else checked.declaration.id,
                version=0 if outcome == "REJECTED" else checked.declaration.version,
                faults=faults,
            )
        )

    def _said(self, code: str, checked: Checked, known: Known) -> Fault:
        """Say of a line what follows from the version known before."""
        return fault(
            code,
            address=self._request.spelling(checked.line.item_path),
            item=checked.shown,
            item_number=checked.line.number,
            version=known.version,
            receipt=known.receipt,
        )

    def _bare(self, item: ItemKey, number: int) -> Declaration:
        key = DeclarationKey(item=item, partner=self._partner, environment=chunk.environment_value(self._environment))
        return Declaration(key=key, provenance=self._provenance(number))

    def _provenance(self, number: int) -> Provenance:
        return Provenance(
            receipt=self.answer.receipt,
            interchange_reference=self._request.id,
            item_number=number,
            format=self._request.format,
            received=Instant(utc_micros=self._now),
        )
