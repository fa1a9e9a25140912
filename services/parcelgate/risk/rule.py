"""A rule of risk or quality, and what it says when it fires."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parcelgate.api.record.v1.assessment_pb2 import Finding

# Weakest first: the strongest action decides. EXAMINE is a request to clearance and leaves security as it is.
ACTIONS = ("NONE", "EXAMINE", "REFER_INFORMATION", "REFER_AMENDMENT", "REFER_SCREENING", "STOP")
SHOWN_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its file states it; sentence and question may hold {party}."""

    id: str
    version: str
    reason: str
    sentence: str
    question: str
    weight: int
    action: str

    @property
    def basis(self) -> str:
        """Name the rule with its version."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that fired: the values it looked at, masked, and the role of the party concerned, if one is."""

    rule: Rule
    inputs: tuple[tuple[str, str], ...]
    party: str = ""

    def sentence(self) -> str:
        """Say what was found."""
        return self.rule.sentence.format(party=self.party) if self.party else self.rule.sentence

    def question(self) -> str:
        """Say what the declarant is asked for."""
        return self.rule.question.format(party=self.party) if self.party else self.rule.question

    def write(self, finding: Finding) -> None:
        """Write the hit into an empty finding of the record."""
        rule = self.rule
        finding.rule = rule.id
        finding.version = rule.version
        finding.sentence = self.sentence()
        finding.weight = rule.weight
        finding.action = rule.action
        for path, value in self.inputs:
            finding.inputs.add(path=path, value=value)


@dataclass(slots=True)
class Hits:
    """Collects what the rules of quality find in one item."""

    rules: Mapping[str, Rule]
    found: list[Hit] = field(default_factory=list)

    def add(self, rule: str, *inputs: tuple[str, str], party: str = "") -> None:
        """Record that a rule fired; values must be masked already where they may be personal data."""
        self.found.append(Hit(self.rules[rule], inputs, party))


def masked(text: str) -> str:
    """Show a text of a party as its first character and its length."""
    return f"{text[0]}… ({len(text)})" if text else ""


def shown(text: object) -> str:
    """Show a text that is not of a party, cut to 80 characters."""
    return str(text)[:SHOWN_LENGTH]


def rule_of(table: Mapping[str, object], rule_id: str, version: str, place: str) -> Rule:
    """Read a rule from its table; raises ValueError, naming the place, if it is incomplete or asks for an unknown action."""
    missing = [key for key in ("reason", "sentence", "weight", "action") if key not in table]
    if missing:
        raise ValueError(f"{place}: {', '.join(missing)} missing")
    action = str(table["action"])
    weight = table["weight"]
    if action not in ACTIONS:
        raise ValueError(f"{place}: unknown action {action}, known are {', '.join(ACTIONS)}")
    if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 1000:
        raise ValueError(f"{place}: weight must be a whole number from 0 to 1000")
    if action.startswith("REFER_") and not table.get("question"):
        raise ValueError(f"{place}: {action} needs a question for the declarant")
    sentence, question = str(table["sentence"]), str(table.get("question", ""))
    return Rule(rule_id, version, str(table["reason"]), sentence, question, weight, action)
