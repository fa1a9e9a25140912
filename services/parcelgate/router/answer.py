"""What the router says: decisions appended and released, filings to mailboxes, and the facts that tell of both."""

from collections import defaultdict
from collections.abc import Sequence

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_FILINGS, CHUNK_KIND_RELEASES, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import STAGE_RECEIPT, Decision, DecisionCode, Reason, Stage
from parcelgate.api.record.v1.declaration_pb2 import Declaration, Environment, Flow
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.quantity_pb2 import Instant
from parcelgate.core.chunk import Address, pack
from parcelgate.core.fact import fact
from parcelgate.core.fault import catalogue
from parcelgate.core.field import field, whole
from parcelgate.core.naming import derived_id, filing_id, response_id
from parcelgate.core.partner import Partner, Partners
from parcelgate.core.port import Message, Outcome
from parcelgate.router.book import Book, CaseRow, DeclarationRow, VersionRow
from parcelgate.router.lifecycle import EVENT_OF_STAGE, CaseEvent

OURSELVES = "parcelgate"
_STAGES = {number: name.removeprefix("STAGE_") for name, number in Stage.items()}
_CODES = {number: name.removeprefix("DECISION_CODE_") for name, number in DecisionCode.items()}
# What goes to one address: entries with their bodies, and the names that the ids of their messages follow from.
_Parcel = tuple[list[tuple[ChunkEntry | bytes, bytes]], list[str]]
# Who declared a version, in which environment, and for which border crossing.
_Place = tuple[str, Environment.ValueType, Flow.ValueType]
# A version that is answered: its ChunkEntry as bytes, its field of a release, and its place.
_Answered = tuple[bytes, bytes, _Place]


class Answers:
    """Gathers what one step says; outcome makes one transaction of it and of the book's changes."""

    def __init__(self, book: Book, partners: Partners, now: int) -> None:
        self.book = book
        self.now = now
        self.facts: list[Fact] = []
        self._partners = partners
        self._releases: defaultdict[Address, _Parcel] = defaultdict(_parcel)
        self._filings: defaultdict[Address, _Parcel] = defaultdict(_parcel)
        self._heads: dict[tuple[str, int], _Answered] = {}
        self._told: dict[tuple[str, int], Fact] = {}
        self._addresses: dict[tuple[_Place, str, str], Address] = {}
        self._decided = Decision(decided=Instant(utc_micros=now)).SerializeToString()

    def decide(
        self,
        declaration: DeclarationRow,
        case: CaseRow,
        decision: Decision,
        head: Declaration,
        lane: str,
        *,
        body: bytes = b"",
        quote: bool = True,
    ) -> None:
        """Append a decision to its case, move the case on, and release the decision to who declared.

        Head is the version judged, without its item; body is the decision as bytes, where they are at hand. Raises
        RejectError if the case cannot take the decision now.
        """
        case.move(EVENT_OF_STAGE[decision.stage])
        self.pass_on(declaration, case, decision, head, lane, body=body, quote=quote)

    def pass_on(
        self,
        declaration: DeclarationRow,
        case: CaseRow,
        decision: Decision,
        head: Declaration,
        lane: str,
        *,
        body: bytes = b"",
        quote: bool = True,
    ) -> None:
        """Append and release a decision that leaves its case where it is.

        Without quote the fact does not repeat its reason: what an authority writes in its own words may name a person.
        """
        self._append(case, decision, body or decision.SerializeToString(), head, lane)
        self._tell(
            "decision.made",
            declaration,
            head,
            case,
            code=_word(decision.code),
            sentence=decision.reasons[0].sentence if quote and decision.reasons else "",
            details=(("stage", _STAGES[decision.stage]), ("decision", decision.id)),
            distinct=decision.id,
        )

    def receipt(self, case: CaseRow, head: Declaration, code: DecisionCode.ValueType, reason: str, lane: str) -> None:
        """Answer a version on a case without judging it; the case stays as it is."""
        decision = Decision(
            id=derived_id("receipt", case.id, head.version, reason),
            stage=STAGE_RECEIPT,
            code=code,
            reasons=[reason_of(reason)],
        )
        self._append(case, decision, decision.SerializeToString(), head, lane)

    def close(self, declaration: DeclarationRow, case: CaseRow, head: Declaration, reason: str) -> None:
        """Close a case for a reason that came with a version."""
        case.move(CaseEvent.CLOSE)
        self.tell("case.closed", declaration, head, case, reason)

    def file(self, case: CaseRow, version: VersionRow, head: Declaration) -> bool:
        """Send a version to the mailbox of the case's authority; False if nobody has a mailbox for it."""
        partner = self._mailbox(case)
        if partner is None:
            return False
        key = head.key
        address = Address(
            "release",
            partner.channel,
            CHUNK_KIND_FILINGS,
            key.environment,
            partner.id,
            key.flow,
            case.authority,
            version.lane,
        )
        record = case.record()
        record.version = version.version
        entries, names = self._filings[address]
        entry = ChunkEntry(declaration=head, data_key=version.data_key, case=record, follows=case.filed)
        entries.append((entry, version.sealed))
        case.filed, case.changed = filing_id(record), True
        names.append(f"{case.id}/{version.version}/{case.round}")
        return True

    def tell(
        self,
        kind: str,
        declaration: DeclarationRow,
        head: Declaration,
        case: CaseRow | None = None,
        code: str = "",
        *,
        sentence: str = "",
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Tell a fact about a declaration, or about one of its cases in its present round."""
        distinct = str(case.round) if case else ""
        self._tell(kind, declaration, head, case, code=code, distinct=distinct, sentence=sentence, details=details)

    def outcome(self) -> Outcome:
        """Return all changes, messages and facts as one outcome; the ids of messages follow from what they hold."""
        messages: list[Message] = []
        for part in (self._releases, self._filings):
            for address, (entries, names) in part.items():
                messages += pack(address, entries, derived_id(*names))
        return Outcome(writes=self.book.writes(), messages=messages, facts=self.facts)

    def _tell(
        self,
        kind: str,
        declaration: DeclarationRow,
        head: Declaration,
        case: CaseRow | None,
        *,
        code: str,
        distinct: str,
        sentence: str = "",
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Tell what happened to a version; what follows in the same step is told along with the first."""
        case_id, authority, turn = (case.id, case.authority, case.round) if case else ("", "", 0)
        first = self._told.get((head.id, head.version))
        if first is not None:
            told = first.also.add(
                kind=kind, case_id=case_id, authority=authority, code=code, sentence=sentence, round=turn
            )
        else:
            told = self._told[head.id, head.version] = fact(
                kind,
                self.now,
                declaration=head,
                case_id=case_id,
                authority=authority,
                code=code,
                sentence=sentence,
                destination=declaration.destination,
                distinct=distinct,
                round=turn,
            )
            self.facts.append(told)
        for name, value in details:
            told.details[name] = value

    def _append(self, case: CaseRow, decision: Decision, body: bytes, head: Declaration, lane: str) -> None:
        """Append a decision that came as bytes, and what only we know of it behind them: the later field counts."""
        version = head.version
        body += field(2, case.body(version)) + whole(3, version)
        if not decision.HasField("decided"):
            body += self._decided
        self.book.add_decision(case, version, decision, body, self.now)
        entry, answered, place = self._answered(head)
        answer_id = response_id(case.id, version, decision.id)
        entries, names = self._releases[self._address(place, case.authority, lane)]
        # A Release: its id, the version it answers, the decision, the response that it follows.
        follows = field(4, case.answered.encode()) if case.answered else b""
        entries.append((entry, field(1, answer_id.encode()) + answered + field(3, body) + follows))
        case.answered, case.changed = answer_id, True
        names.append(answer_id)

    def _answered(self, head: Declaration) -> _Answered:
        """Return what a release says of the version it answers: the same on all of its cases."""
        name = (head.id, head.version)
        known = self._heads.get(name)
        if known is None:
            key = head.key
            named = field(1, name[0].encode()) + field(2, key.SerializeToString()) + whole(3, name[1])
            # The edge knows the findings it sent; what it needs back is where the version came in.
            answered = named + whole(4, head.function) + field(6, head.provenance.SerializeToString())
            place = (key.partner, key.environment, key.flow)
            known = self._heads[name] = (field(1, named), field(2, answered), place)
        return known

    def _address(self, place: _Place, authority: str, lane: str) -> Address:
        name = (place, authority, lane)
        address = self._addresses.get(name)
        if address is None:
            declarant, environment, flow = place
            partner = self._partners.get(declarant)
            channel = partner.channel if partner else "postal"
            address = self._addresses[name] = Address(
                "release", channel, CHUNK_KIND_RELEASES, environment, declarant, flow, authority, lane
            )
        return address

    def _mailbox(self, case: CaseRow) -> Partner | None:
        fitting: Sequence[Partner] = [
            partner
            for partner in self._partners.all()
            if partner.authority == case.authority
            and (partner.mailbox or partner.queue)
            and partner.environment == case.environment
        ]
        return fitting[0] if fitting else None


def _parcel() -> _Parcel:
    return [], []


def reason_of(code: str, basis: str = OURSELVES) -> Reason:
    """Return a reason that the gateway itself gives, in the words of the catalogue."""
    return Reason(code=code, sentence=catalogue()[code].sentence, basis=basis)


def _word(code: DecisionCode.ValueType) -> str:
    return _CODES[code]
