"""The closed list of facts, each with its rank in the life of an item and the stage it means."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.naming import derived_id


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fact: rank orders facts of the same moment; stage is empty if it does not move an item on."""

    rank: int
    stage: str
    sentence: str


KINDS: Mapping[str, Kind] = {
    "interchange.received": Kind(10, "", "The interchange was received and stored."),
    "interchange.rejected": Kind(20, "", "The interchange was rejected as a whole."),
    "interchange.translated": Kind(21, "", "The interchange was read to its end."),
    "item.rejected": Kind(22, "rejected", "The item cannot be identified or represented."),
    "declaration.accepted": Kind(30, "accepted", "The version was accepted and given its number."),
    "declaration.unchanged": Kind(31, "", "The item was declared before with the same content."),
    "interchange.routed": Kind(32, "", "All accepted items of the interchange are on their way."),
    "version.held": Kind(40, "", "The version waits for the one before it."),
    "version.applied": Kind(41, "routed", "The version is in force."),
    "version.superseded": Kind(42, "", "A newer version was in force already."),
    "version.refused": Kind(43, "", "The version came after the final decision."),
    "case.opened": Kind(50, "routed", "An authority was chosen."),
    "case.parked": Kind(51, "waiting", "The authority could not be asked; it will be asked again."),
    "case.pending": Kind(52, "waiting", "The authority will answer later."),
    "case.overdue": Kind(53, "", "The authority has not answered by the deadline."),
    "case.closed": Kind(54, "", "The case was closed by a cancellation."),
    "case.settled": Kind(55, "answered", "The authority judged anew and decided as before."),
    "decision.made": Kind(60, "decided", "An authority decided."),
    "report.waiting": Kind(61, "", "An authority's report waits for an item not known yet."),
    "report.refused": Kind(62, "", "An authority's report was refused."),
    "response.logged": Kind(70, "answered", "The response stands in the partner's delivery log."),
    "response.handed_out": Kind(72, "answered", "The response was handed out."),
    "filing.logged": Kind(73, "", "The declaration stands in the authority's delivery log."),
    "filing.handed_out": Kind(75, "", "The declaration was handed out to the authority."),
    "response.not_written": Kind(
        76, "", "The partner's format can't carry the response; it was left out of the message."
    ),
    "filing.not_written": Kind(
        77, "", "The authority's format can't carry the declaration; it was left out of the message."
    ),
    "response.waits": Kind(71, "", "The response could not be handed out yet; it will be."),
    "filing.waits": Kind(74, "", "The declaration could not be handed out to the authority yet; it will be."),
    "work.dead": Kind(90, "", "The work failed for good and lies with the dead letters."),
}
_NOTHING = Declaration()
_CODES = {number: name.removeprefix("DECISION_CODE_") for name, number in DecisionCode.items()}
STAGES = ("rejected", "accepted", "routed", "waiting", "decided", "answered")


def fact(
    kind: str,
    at_micros: int,
    *,
    declaration: Declaration | None = None,
    case_id: str = "",
    authority: str = "",
    code: str = "",
    sentence: str = "",
    destination: str = "",
    faults: Sequence[Fault] = (),
    details: Mapping[str, str] | None = None,
    count: int = 0,
    distinct: str = "",
    round: int = 0,  # noqa: A002 - what the record calls it
) -> Fact:
    """Make a fact whose id follows from what it says; distinct tells apart facts that are otherwise the same.

    Raises KeyError for a kind that is not on the list.
    """
    row = KINDS[kind]
    whole = _NOTHING if declaration is None else declaration
    key, provenance = whole.key, whole.provenance
    name, version, receipt = whole.id, whole.version, provenance.receipt
    found = Fact(
        id=derived_id(kind, name, version, receipt, case_id, code, distinct),
        kind=kind,
        at_micros=at_micros,
        partner=key.partner,
        environment=key.environment,
        receipt=receipt,
        interchange_reference=provenance.interchange_reference,
        item=key.item.identifier,
        declaration_id=name,
        version=version,
        case_id=case_id,
        authority=authority,
        code=code,
        sentence=sentence or row.sentence,
        destination=destination,
        count=count,
        round=round,
    )
    # Most facts have neither, and even an empty list takes its time.
    if faults:
        found.faults.extend(faults)
    if details:
        found.details.update(details)
    return found


def responses(logged: Iterable[Release], at_micros: int) -> list[Fact]:
    """Make facts of responses that were logged together: one for each version, which tells of its other ones besides."""
    told: dict[tuple[str, int], Fact] = {}
    for release in logged:
        declaration, decision = release.declaration, release.decision
        case, code = decision.case, _CODES[decision.code]
        first = told.get((declaration.id, declaration.version))
        if first is not None:
            first.also.add(
                kind="response.logged", case_id=case.id, authority=case.authority, code=code, round=case.round
            )
            continue
        told[declaration.id, declaration.version] = fact(
            "response.logged",
            at_micros,
            declaration=declaration,
            case_id=case.id,
            authority=case.authority,
            code=code,
            round=case.round,
            distinct=release.response_id,
        )
    return list(told.values())


def each(told: Fact) -> Iterator[Fact]:
    """Return a fact, and each that it says of besides, as facts that stand alone."""
    if not told.also:
        yield told
        return
    bare = Fact()
    bare.CopyFrom(told)
    del bare.also[:]
    yield bare
    for place, part in enumerate(told.also, 1):
        whole = Fact()
        whole.CopyFrom(bare)
        for name in ("case_id", "authority", "code", "sentence", "faults", "details", "round"):
            whole.ClearField(name)
        whole.MergeFrom(part)
        whole.id = f"{told.id}.{place}"
        if not whole.sentence and whole.kind in KINDS:
            whole.sentence = KINDS[whole.kind].sentence
        yield whole
