"""The proof of the demo: every version has one outcome a stage, every CUSRSP is valid and agrees with the store."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xmlschema

from parcelgate.api.carrier.v1.carrier_pb2 import SubmitResult
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.core import resource

_CUSRSP = "upu/cusrsp/own-1"


@dataclass(slots=True)
class Proof:
    """What was checked, and what does not hold."""

    checked: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def hold(self, what: str, *, well: bool, otherwise: str) -> None:
        """Note one check."""
        self.checked[what] += 1
        if not well:
            self.broken.append(f"{what}: {otherwise}")


def outcomes(proof: Proof, found: Mapping[str, dict[str, Any]]) -> None:
    """Check that each item of each interchange has exactly one outcome a stage, or its faults."""
    for receipt, outcome in found.items():
        proof.hold(
            "interchange ended",
            well=outcome["state"] in ("ROUTED", "REJECTED"),
            otherwise=f"{receipt} is {outcome['state']}",
        )
        for item in outcome["items"]:
            name = f"{item['identifier'] or item['number']} of {receipt}"
            if item["status"] == "rejected":
                errors = [one for one in item["faults"] if one["severity"] == "error"]
                proof.hold("rejected item has its faults", well=bool(errors), otherwise=name)
                proof.hold("rejected item has no decision", well=not item["decisions"], otherwise=name)
            elif item["status"] == "accepted":
                _once(proof, name, [(one["authority"], one["procedure"], one["stage"]) for one in item["decisions"]])
            else:
                proof.hold(
                    "item came to an end", well=item["status"] == "unchanged", otherwise=f"{name} is {item['status']}"
                )


def shipments(proof: Proof, results: list[SubmitResult], releases: list[Release]) -> None:
    """Check the same for a carrier's shipments."""
    decisions: dict[tuple[str, int], list[tuple[str, int, int]]] = {}
    for release in releases:
        version = (release.declaration.id, release.declaration.version)
        case = release.decision.case
        decisions.setdefault(version, []).append((case.authority, case.procedure, release.decision.stage))
    for result in results:
        if result.outcome == "ACCEPTED":
            _once(proof, result.item, decisions.get((result.declaration_id, result.version), []))
        elif result.outcome == "REJECTED":
            proof.hold("rejected item has its faults", well=bool(result.faults), otherwise=result.item)


def responses(proof: Proof, mailboxes: Path, logged: Callable[[str], list[Release]]) -> dict[str, list[Path]]:
    """Validate and decode every CUSRSP in the posts' folders and compare it with their delivery logs, which logged reads.

    Returns the files by post.
    """
    schema = xmlschema.XMLSchema(resource.schemas() / "upu/cusrsp/own-1/cusrsp.xsd", allow="local", defuse="always")
    files: dict[str, list[Path]] = {}
    for folder in sorted(mailboxes.glob("post-*/out")):
        partner = folder.parent.name
        handed_out: list[Release] = []
        for path in sorted(folder.glob("*.xml")):
            files.setdefault(partner, []).append(path)
            proof.hold("CUSRSP is valid by its schema", well=schema.is_valid(str(path)), otherwise=path.name)
            *items, closed = list(translate.read([path.read_bytes()], _CUSRSP))
            whole = isinstance(closed, Closed) and closed.routable and not closed.rejected
            proof.hold("CUSRSP can be read", well=whole, otherwise=path.name)
            handed_out += [
                Release.FromString(one.message) for one in items if isinstance(one, ItemRead) and one.accepted
            ]
        agree = _same(handed_out, logged(partner))
        proof.hold("CUSRSP files agree with the store item by item", well=agree, otherwise=partner)
    return files


def _same(handed_out: list[Release], logged: list[Release]) -> bool:
    """Compare response by response, in the order of the log; all that a CUSRSP carries must agree."""
    return [_told(one) for one in handed_out] == [_told(one) for one in logged]


def _told(release: Release) -> tuple[Any, ...]:
    decision, declaration = release.decision, release.declaration
    return (
        release.response_id,
        declaration.key.item.SerializeToString(deterministic=True),
        declaration.key.flow,
        declaration.version,
        declaration.provenance.interchange_reference,
        decision.case.authority,
        decision.case.procedure,
        decision.stage,
        decision.code,
        [reason.code for reason in decision.reasons],
        [
            (duty.type, duty.amount.units, duty.amount.nanos, duty.amount.currency, duty.collected)
            for duty in decision.duties
        ],
        (decision.total_due.units, decision.total_due.nanos, decision.total_due.currency),
        decision.release_category,
        [(referral.reference, referral.type, referral.text) for referral in decision.referrals],
    )


def _once(proof: Proof, name: str, stages: list[Any]) -> None:
    proof.hold("accepted version is decided", well=bool(stages), otherwise=f"{name} has no decision")
    proof.hold("one decision a case and stage", well=len(stages) == len(set(stages)), otherwise=f"{name} has {stages}")
