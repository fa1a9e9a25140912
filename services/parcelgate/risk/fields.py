"""The fields that a profile may ask about: what each is called, what it holds, and where in the record it lies.

This tuple is the whole vocabulary; a profile that names another field fails when it is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from parcelgate.risk.rule import shown
from parcelgate.risk.subject import NANOS, Line, Subject

_MG_PER_KG = 1_000_000
_MG_PER_GRAM = 1_000
_SURFACE_CATEGORIES = ("SURFACE", "PRIORITY_BY_SURFACE")
_SURFACE_MODES = ("SEA", "ROAD", "RAIL")


@dataclass(frozen=True, slots=True)
class Field:
    """One field; read takes a Subject at level item, a Line at level line, and returns None or "" for no value."""

    name: str
    level: str
    kind: str
    path: str
    read: Callable[[Any], Any]
    show: Callable[[Any], str] = shown

    def input(self, source: Subject | Line) -> tuple[str, str]:
        """Return path and value for a finding; none of the fields holds text of a party."""
        if isinstance(source, Line):
            value = shown(source.description) if self.kind == "words" else self.show(self.read(source))
            return f"{source.path}.{self.path}", value
        return self.path, self.show(self.read(source))

    def inputs(self, source: Subject | Line) -> list[tuple[str, str]]:
        """Return what a finding shows of the field; a number judged by its HS code comes with that."""
        if self.kind == "by_hs" and isinstance(source, Line):
            return [self.input(source), (f"{source.path}.hs_code", shown(source.hs_code))]
        return [self.input(source)]


def _declared(subject: Subject) -> tuple[int, str, str, int] | None:
    """Return amount, currency, destination and day of the declared value; of the lines' sum where none is declared."""
    value, currency = subject.declared_value, subject.declared_currency
    if not currency and subject.lines:
        currency = subject.lines[0].currency
        value = sum(line.value for line in subject.lines if line.currency == currency)
    return (value, currency, subject.destination_country, subject.received_day) if currency else None


def _sender_country(subject: Subject) -> str:
    return subject.sender.country if subject.sender else ""


def _recipient_country(subject: Subject) -> str:
    return subject.recipient.country if subject.recipient else ""


def _sender_is_organisation(subject: Subject) -> bool:
    return subject.has_organised_seller or (subject.sender is not None and subject.sender.is_organisation)


def _goods_come_from_departure(subject: Subject) -> bool:
    return any(line.origin_country == subject.origin_country for line in subject.lines)


def _goods_come_from_sender(subject: Subject) -> bool:
    country = _sender_country(subject)
    return any(line.origin_country == country for line in subject.lines)


def _travels_by_surface(subject: Subject) -> bool:
    return subject.mail_category in _SURFACE_CATEGORIES or subject.item.transport.mode in _SURFACE_MODES


def _document_types(subject: Subject) -> str:
    return " ".join(document.type for document in subject.item.documents)


def _value_per_kg(line: Line) -> float | None:
    if line.value_usd is None or line.value_usd <= 0 or line.net_mass_mg <= 0:
        return None
    return line.value_usd * _MG_PER_KG / line.net_mass_mg


def _value_per_piece(line: Line) -> float | None:
    return line.value_usd / (line.quantity or 1) if line.value_usd is not None and line.value_usd > 0 else None


def _mass_per_piece(line: Line) -> float | None:
    if line.net_mass_mg <= 0 or line.quantity <= 0:
        return None
    return line.net_mass_mg / _MG_PER_GRAM / line.quantity


def _show_number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _show_money(value: tuple[int, str, str, int] | None) -> str:
    return "" if value is None else f"{value[0] / NANOS:.2f} {value[1]}"


def _show_kg(value: int) -> str:
    return f"{value / _MG_PER_KG:.6g} kg"


_ALL = (
    Field("item.nature", "item", "code", "nature", attrgetter("nature")),
    Field("item.flow", "item", "code", "flow", attrgetter("flow")),
    Field("item.mail_class", "item", "code", "mail_class", attrgetter("mail_class")),
    Field("item.mail_category", "item", "code", "mail_category", attrgetter("mail_category")),
    Field("item.mail_subclass", "item", "code", "mail_subclass", attrgetter("item.mail_subclass")),
    Field("item.transport_mode", "item", "code", "transport.mode", attrgetter("item.transport.mode")),
    Field("item.document_type", "item", "codes", "documents", _document_types),
    Field("item.origin_country", "item", "code", "origin_country", attrgetter("origin_country")),
    Field("item.destination_country", "item", "code", "destination_country", attrgetter("destination_country")),
    Field("item.sender_country", "item", "code", "parties.sender.address.country", _sender_country),
    Field("item.recipient_country", "item", "code", "parties.recipient.address.country", _recipient_country),
    Field("item.sender_is_organisation", "item", "flag", "parties.sender.person_type", _sender_is_organisation),
    Field("item.goods_come_from_departure", "item", "flag", "content.origin_country", _goods_come_from_departure),
    Field("item.goods_come_from_sender", "item", "flag", "content.origin_country", _goods_come_from_sender),
    Field("item.travels_by_surface", "item", "flag", "transport.mode", _travels_by_surface),
    Field("item.line_count", "item", "number", "content", lambda s: len(s.lines)),
    Field("item.gross_mass_mg", "item", "number", "gross_mass", attrgetter("gross_mass_mg"), _show_kg),
    Field("item.declared_value", "item", "money", "declared_value", _declared, _show_money),
    Field("line.words", "line", "words", "description", attrgetter("wording.lists")),
    Field("line.hs_code", "line", "code", "hs_code", attrgetter("hs_code")),
    Field("line.origin_country", "line", "code", "origin_country", attrgetter("origin_country")),
    Field("line.quantity", "line", "number", "quantity", attrgetter("quantity")),
    Field("line.net_mass_mg", "line", "number", "net_mass", attrgetter("net_mass_mg"), _show_kg),
    Field("line.value_usd", "line", "number", "value", attrgetter("value_usd"), _show_number),
    Field("line.value_per_piece_usd", "line", "number", "value", _value_per_piece, _show_number),
    Field("line.value_per_kg_usd", "line", "by_hs", "value", _value_per_kg, _show_number),
    Field("line.mass_per_piece_g", "line", "by_hs", "net_mass", _mass_per_piece, _show_number),
)
FIELDS: Mapping[str, Field] = {field.name: field for field in _ALL}
