"""Masses: there, adding up, and possible for the kind of transport."""

from parcelgate.risk.reference import Reference
from parcelgate.risk.rule import Hits
from parcelgate.risk.subject import Subject


def check(subject: Subject, reference: Reference, hits: Hits) -> None:
    """Look at gross and net masses."""
    gross = subject.gross_mass_mg
    net = 0
    for line in subject.lines:
        if line.net_mass_mg <= 0:
            hits.add("net-mass-missing", (f"{line.path}.net_mass", _show(line.net_mass_mg)))
        net += line.net_mass_mg
    if gross <= 0:
        hits.add("gross-mass-missing", ("gross_mass", _show(gross)))
        return
    limits = reference.limits
    highest = limits.postal_gross_mass_at_most if subject.channel == "POST" else limits.express_gross_mass_at_most
    if not limits.gross_mass_at_least <= gross <= highest:
        hits.add("mass-implausible", ("gross_mass", _show(gross)))
    if net > gross:
        hits.add("mass-sum", ("gross_mass", _show(gross)), ("content.net_mass", _show(net)))


def _show(milligrams: int) -> str:
    return f"{milligrams / 1_000_000:.6f}".rstrip("0").rstrip(".") + " kg"
