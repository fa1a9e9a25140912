"""What partners' files agree on, held against the formats there are: which kind of partner sends and gets which records."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.registry import Registry
from parcelgate.core.fault import fault
from parcelgate.core.partner import Partner

# The carriers' own JSON and the decisions beside it: the JSON mapping of the contract, read by no format's folder.
CONTRACT_JSON = "carrier/parcelgate/v1"
_Records: TypeAlias = Mapping[str, frozenset[str]]
# Dispatches and events may be agreed on before anything takes them: the door then says so (RECORD_NOT_TAKEN).
_SENT: _Records = {
    "POST": frozenset(("Declaration", "Receptacle", "ItemEvent")),
    "CUSTOMS": frozenset(("Declaration", "Release")),
    "CARRIER": frozenset(("Declaration",)),
}
_GOT: _Records = {"POST": frozenset(("Release",)), "CUSTOMS": frozenset(("Declaration", "Release"))}


def misfits(partner: Partner, registry: Registry) -> Iterator[Fault]:
    """Yield a fault for each format in a partner's file that does not exist, or whose record such a partner neither sends nor gets.

    What is wrong with the folder of a format is told with the folder (Registry.refused), and not again here.
    """
    told = {"/".join(folder.parts[-3:]) for folder in registry.refused}
    for key, names, fitting in (
        ("formats_in", partner.formats_in, _SENT),
        ("formats_out", partner.formats_out, _GOT),
    ):
        fit = fitting.get(partner.kind, frozenset())
        for name in names:
            if name in told or (name == CONTRACT_JSON and partner.kind == "CARRIER"):
                continue
            form = registry.get(name)
            words: dict[str, Any] = {"partner": partner.id, "key": key, "format": name, "kind": partner.kind}
            if isinstance(form, Fault):
                yield fault("PARTNER_FORMAT_MISSING", **words)
            elif form.record not in fit:
                fits = ", ".join(sorted(fit)) or "none"
                yield fault("PARTNER_FORMAT_UNFIT", record=form.record, fits=fits, **words)
