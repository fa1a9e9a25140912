"""Facts such as a day brings them: several posts and a carrier, faults, corrections, a waiting authority, dead letters."""

import random
from collections.abc import Iterator

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_DECLARATIONS, ChunkEntry
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_TEST,
    FLOW_IMPORT,
    Declaration,
    DeclarationKey,
    Environment,
    Provenance,
)
from parcelgate.api.record.v1.fact_pb2 import Fact
from parcelgate.api.record.v1.fault_pb2 import SEVERITY_ERROR, SEVERITY_NOTICE, SEVERITY_WARNING, Fault
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10, ItemKey
from parcelgate.core.chunk import Address, pack
from parcelgate.core.fact import fact
from parcelgate.core.identifier import s10_check_digit
from parcelgate.core.naming import declaration_id, derived_id
from parcelgate.core.port import Dead, Outcome

START = 1_795_512_600_000_000  # 2026-11-24T09:30:00Z
_SECOND = 1_000_000
_FISCAL = {
    "DE": ["RELEASED_WITH_DUTY"] * 6 + ["RELEASED"] * 2 + ["HOLD_INFORMATION", "EXAMINE"],
    "FR": ["RELEASED_WITH_DUTY"] * 7 + ["RELEASED", "HOLD_DOCUMENTS"],
    "GB": ["RELEASED"] * 6 + ["RELEASED_WITH_DUTY"] * 2 + ["HOLD_PAYMENT", "REFUSED"],
    "BR": ["HOLD_INFORMATION"],
    "NZ": [""],
}
_SECURITY = ["ASSESSMENT_COMPLETE"] * 18 + ["INFO_REQUESTED", "SCREENING_REQUESTED", "DO_NOT_LOAD"]
VAGUE = Fault(
    code="VAGUE_DESCRIPTION",
    severity=SEVERITY_WARNING,
    address="/CUSITM/Item[14]/ContentPiece[1]/Description",
    line=312,
    sentence="The description says too little about the goods.",
    hint="Say what it is and what it is made of, for example men's cotton shirts.",
    value="gift",
)
UNREADABLE = Fault(
    code="S10_CHECK_DIGIT",
    severity=SEVERITY_ERROR,
    address="/CUSITM/Item[23]/ItemId",
    line=517,
    sentence="The check digit of the S10 identifier is wrong; 5 was expected.",
    hint="Check the identifier against the label.",
    value="LX000000231CN",
    item="LX000000231CN",
    item_number=23,
)
PLAIN = Fault(code="HS_MISSING", severity=SEVERITY_NOTICE, sentence="No HS code is declared.", hint="Give six digits.")


def declaration(
    number: int,
    partner: str,
    receipt: str,
    reference: str,
    version: int = 1,
    environment: Environment.ValueType = ENVIRONMENT_TEST,
) -> Declaration:
    """Make a version of a declaration without its item; the same number and partner are the same item."""
    serial = f"{number:08d}"
    item = ItemKey(
        scheme=ITEM_SCHEME_S10, issuer=partner, identifier=f"LX{serial}{s10_check_digit(serial)}{partner[-2:].upper()}"
    )
    key = DeclarationKey(item=item, flow=FLOW_IMPORT, partner=partner, environment=environment)
    provenance = Provenance(receipt=receipt, interchange_reference=reference, format="upu/cusitm/own-1")
    return Declaration(id=declaration_id(key), key=key, version=version, provenance=provenance)


def interchange(partner: str, number: int, size: int, at: int, seed: int = 1, version: int = 1) -> list[Fact]:
    """Return the facts of a whole interchange, in the order in which they happen."""
    chance = random.Random(seed * 1000 + number)
    receipt = "r" + derived_id("receipt", partner, number, seed)[:25]
    reference = f"{partner[-2:].upper()}CUSITM{number:06d}"
    whole = Declaration(
        key=DeclarationKey(partner=partner, environment=ENVIRONMENT_TEST),
        provenance=Provenance(receipt=receipt, interchange_reference=reference),
    )
    details = {"format": "upu/cusitm/own-1", "file_name": f"cusitm-{partner}-{number:04d}.xml"}
    found = [fact("interchange.received", at, declaration=whole, details=details)]
    at += 2 * _SECOND
    for place in range(size):
        one = declaration(number * 10_000 + place, partner, receipt, reference, version)
        found += _life(one, at + place * 900, chance, rejected=place % 97 == 22)
    found.append(fact("interchange.translated", at, declaration=whole, details={"items": str(size)}))
    found.append(fact("interchange.routed", at + _SECOND, declaration=whole))
    return found


def _life(one: Declaration, at: int, chance: random.Random, *, rejected: bool) -> Iterator[Fact]:
    if rejected:
        unknown = Declaration()
        unknown.CopyFrom(one)
        unknown.id, unknown.version = "", 0
        yield fact("item.rejected", at, declaration=unknown, code=UNREADABLE.code, faults=[UNREADABLE], distinct=one.id)
        return
    destination = chance.choice(sorted(_FISCAL))
    findings = [VAGUE] if chance.random() < 0.08 else [PLAIN] if chance.random() < 0.2 else []
    yield fact("declaration.accepted", at, declaration=one, destination=destination, faults=findings)
    if chance.random() < 0.02:
        return
    yield fact("version.applied", at + 40_000, declaration=one)
    authority = {"GB": "gb-customs", "NZ": "nz-customs", "BR": "parcelgate"}.get(destination, "eu-customs")
    cases = [("pre-loading", chance.choice(_SECURITY)), ("import", chance.choice(_FISCAL[destination]))]
    # By mailbox, in its own time, and without a procedure before loading.
    for procedure, code in cases[1:] if destination == "NZ" else cases:
        yield from _case(one, at + 40_000, authority, procedure, code, destination)


def _case(one: Declaration, at: int, authority: str, procedure: str, code: str, destination: str) -> Iterator[Fact]:
    case = derived_id("case", one.id, authority, procedure)
    common = {"declaration": one, "case_id": case, "authority": authority, "destination": destination}
    yield fact("case.opened", at, **common, details={"procedure": procedure})
    if not code:
        yield fact("case.pending", at + 2_000, **common)
        yield fact("filing.logged", at + 9_000, **common)
        return
    sentence = "No agreement covers this destination." if authority == "parcelgate" and procedure == "import" else ""
    yield fact("decision.made", at + 3_000, **common, code=code, sentence=sentence, details={"procedure": procedure})
    yield fact("response.logged", at + 12_000, **common, code=code, details={"sequence": str(at % 9973)})


def dead_letter(at: int) -> Outcome:
    """Return work that failed for good, with its fact."""
    one = declaration(10_003, "post-cn", "r" + "0" * 25, "LOST")
    address = Address("advance", "postal", CHUNK_KIND_DECLARATIONS, ENVIRONMENT_TEST, "post-cn")
    (message,) = pack(address, [(ChunkEntry(declaration=one), b"sealed")], "dead")
    wrong = Fault(
        code="SEAL_BROKEN",
        severity=SEVERITY_ERROR,
        sentence="The sealed data of this item was changed or sealed with another key.",
        hint="Restore the master key that this data folder was made with, then replay the item.",
    )
    happened = Fact(
        id=derived_id("dead", message.id),
        kind="work.dead",
        at_micros=at,
        code=wrong.code,
        sentence=wrong.sentence,
        faults=[wrong],
    )
    return Outcome(dead=[Dead(message, [wrong], at, 3)], facts=[happened])
