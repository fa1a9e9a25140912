"""The assessment of one declaration: all checks of quality, then all profiles valid on the day the data came in."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from parcelgate.api.record.v1.assessment_pb2 import Assessment
from parcelgate.api.record.v1.decision_pb2 import Decision
from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration
from parcelgate.api.risk.v1.risk_pb2 import AssessResult
from parcelgate.core import resource
from parcelgate.core.field import field
from parcelgate.risk import profile, reference
from parcelgate.risk.decide import ID_LENGTH, decide, nothing_found, repeatable_ids
from parcelgate.risk.profile import Edition, ProfileSet
from parcelgate.risk.quality import CHECKS
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hit, Hits
from parcelgate.risk.subject import view

_HIGHEST_SCORE = 1000
_DECISION = AssessResult.DECISION_FIELD_NUMBER
_ID, _CASE = Decision.ID_FIELD_NUMBER, Decision.CASE_FIELD_NUMBER


class Assessor:
    """Assesses declarations by one edition of the data; pure, so it may be shared."""

    def __init__(self, data: Reference, profiles: ProfileSet) -> None:
        """Take reference data and profiles."""
        self.profile_set = profiles.name
        self.rules = data.rules
        self._data = data
        self._editions = lru_cache(maxsize=64)(profiles.on)
        self._assessed = _around(profiles.name)
        self._nothing_found = nothing_found(profiles.name).SerializeToString()

    @classmethod
    def load(cls, root: Path | None = None) -> "Assessor":
        """Read schemas/risk, or another folder of that shape; raises ValueError naming the file and row that are wrong."""
        folder = resource.schemas() / "risk" if root is None else root
        data = reference.load(folder)
        return cls(data, profile.load(folder, data))

    def edition(self, day: int) -> Edition:
        """Return the profiles valid on a day (ordinal); for 0, those without an end."""
        return self._editions(day)

    def examine(self, declaration: Declaration) -> list[Hit]:
        """Return every rule that fires on a declaration with its item."""
        return self.examine_all([declaration])[0]

    def examine_all(self, declarations: Iterable[Declaration]) -> list[list[Hit]]:
        """Return for each declaration, in order, every rule that fires on it; raises if a rule breaks on one of them.

        Each rule looks at all declarations before the next one does: a processor holds the code of one rule, not of all.
        """
        data = self._data
        subjects = [view(one, data.lexicon, data.usd_per_nano) for one in declarations]
        examined = [(subject, Hits(data.rules)) for subject in subjects]
        for check in CHECKS:
            for subject, hits in examined:
                check(subject, data, hits)
        return [hits.found + self._editions(subject.received_day).fire(subject) for subject, hits in examined]

    def assess(self, call_id: str, declaration: Declaration, case: Case | None, hits: Sequence[Hit]) -> bytes:
        """Assess a declaration by what was found in it, and decide its case if there is one; returns those fields of an AssessResult.

        The same input gets the same answer.
        """
        assessment_id, decision_id = repeatable_ids(call_id)
        if hits:
            result = AssessResult(assessment=self._found(hits, assessment_id))
            if case is not None:
                result.decision.case.CopyFrom(case)
                result.decision.judged_version = declaration.version
                decide(result.decision, decision_id, hits, self.profile_set)
            return result.SerializeToString()
        # Most items: what is said of them is always the same.
        before, behind = self._assessed
        assessed = before + assessment_id + behind
        if case is None:
            return assessed
        of_case = field(_CASE, case.SerializeToString())
        decision = field(_ID, decision_id) + of_case + _judged(declaration.version) + self._nothing_found
        return assessed + field(_DECISION, decision)

    def _found(self, hits: Sequence[Hit], assessment_id: bytes) -> Assessment:
        assessment = Assessment(id=assessment_id.decode(), profile_set=self.profile_set)
        for hit in hits:
            hit.write(assessment.findings.add())
        assessment.score = min(sum(hit.rule.weight for hit in hits), _HIGHEST_SCORE)
        return assessment


def _around(profile_set: str) -> tuple[bytes, bytes]:
    """Return what stands before and behind the id in the field of an assessment that found nothing."""
    stand_in = b"0" * ID_LENGTH
    assessment = Assessment(id=stand_in.decode(), profile_set=profile_set)
    before, _, behind = AssessResult(assessment=assessment).SerializeToString().partition(stand_in)
    return before, behind


@lru_cache(maxsize=256)
def _judged(version: int) -> bytes:
    return Decision(judged_version=version).SerializeToString()
