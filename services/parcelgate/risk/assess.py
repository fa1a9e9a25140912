"""The assessment of one declaration: all checks of quality, then all profiles valid on the day the data came in."""

from functools import lru_cache
from pathlib import Path

from parcelgate.api.record.v1.declaration_pb2 import Case, Declaration
from parcelgate.api.risk.v1.risk_pb2 import AssessResult
from parcelgate.core import resource
from parcelgate.risk import profile, reference
from parcelgate.risk.decide import decide, repeatable_ids
from parcelgate.risk.profile import Edition, ProfileSet
from parcelgate.risk.quality import CHECKS
from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hit, Hits
from parcelgate.risk.subject import view

_HIGHEST_SCORE = 1000


class Assessor:
    """Assesses declarations by one edition of the data; pure, so it may be shared."""

    def __init__(self, data: Reference, profiles: ProfileSet) -> None:
        """Take reference data and profiles."""
        self.profile_set = profiles.name
        self.rules = data.rules
        self._data = data
        self._editions = lru_cache(maxsize=64)(profiles.on)

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
        data = self._data
        subject = view(declaration, data.lexicon, data.usd_per_nano)
        hits = Hits(data.rules)
        for check in CHECKS:
            check(subject, data, hits)
        return hits.found + self._editions(subject.received_day).fire(subject)

    def assess(self, result: AssessResult, declaration: Declaration, case: Case | None) -> None:
        """Assess a declaration with its item, and decide its case if there is one, into a result that has its call id.

        The same input gets the same answer.
        """
        hits = self.examine(declaration)
        assessment = result.assessment
        assessment.id, decision_id = repeatable_ids(result.call_id)
        assessment.profile_set = self.profile_set
        score = 0
        for hit in hits:
            score += hit.rule.weight
            hit.write(assessment.findings.add())
        if score:
            assessment.score = min(score, _HIGHEST_SCORE)
        if case is not None:
            decision = result.decision
            decision.case.CopyFrom(case)
            decision.judged_version = declaration.version
            decide(decision, decision_id, hits, self.profile_set)
