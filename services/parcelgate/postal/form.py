"""The form of a message on its way out: the partner's own format for what it carries, and the records written in it.

What a format can't carry of one record (translate.NotWritten) keeps that record out of the message, and no other.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.registry import Registry
from parcelgate.core.partner import Partner
from parcelgate.core.port import TryAgainError

# What each kind of delivery carries.
RECORDS = {"release": "Release", "filing": "Declaration"}
# What carries it where the partner's profile names no format for it.
_OURS = {"release": "upu/cusrsp/own-1", "filing": "upu/cusitm/own-1"}
_SUFFIXES = {"xml": ".xml", "json": ".json", "edifact": ".edi"}
# RFC 7303, 8259, 1767.
_MEDIA_TYPES = {"xml": "application/xml", "json": "application/json", "edifact": "application/EDIFACT"}

Header: TypeAlias = Mapping[str, Any]
Records: TypeAlias = Sequence[Release | Declaration]
Codes: TypeAlias = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """A message in pieces; left_out has the places of the records that the format can't carry, with what it can't."""

    pieces: list[bytes]
    suffix: str
    media_type: str
    left_out: Mapping[int, Fault]
    # Records that stand in it.
    count: int


class Forms:
    """Chooses and writes; formats gives the registry as it is now."""

    def __init__(self, formats: Callable[[], Registry]) -> None:
        self._formats = formats

    def choose(self, partner: Partner, kind: str) -> str:
        """Return the first format of the partner's that carries this kind of delivery; ours, if it names none.

        Raises TryAgainError if a format before it does not exist now: what it carries is not known, and nothing goes out in another.
        """
        registry = self._formats()
        for name in partner.formats_out:
            form = registry.get(name)
            if isinstance(form, Fault):
                raise TryAgainError(f"messages of {partner.id} wait for a format: {form.sentence}")
            if form.record == RECORDS[kind]:
                return name
        return _OURS[kind]

    def write(self, form_id: str, header: Header, records: Records, codes: Codes) -> Written:
        """Write a message; raises TryAgainError if its format does not exist now."""
        registry = self._formats()
        form = registry.get(form_id)
        if isinstance(form, Fault):
            raise TryAgainError(form.sentence)

        def pieces(some: Records) -> list[bytes]:
            return list(translate.write(form_id, header, some, codes=codes, registry=registry))

        left_out: dict[int, Fault] = {}
        with contextlib.suppress(translate.NotWritten):
            return Written(pieces(records), _SUFFIXES[form.syntax], _MEDIA_TYPES[form.syntax], left_out, len(records))
        for place, record in enumerate(records):
            try:
                deque(translate.write(form_id, header, [record], codes=codes, registry=registry), 0)
            except translate.NotWritten as error:
                left_out[place] = error.fault
        sound = [record for place, record in enumerate(records) if place not in left_out]
        body = pieces(sound) if sound else []
        return Written(body, _SUFFIXES[form.syntax], _MEDIA_TYPES[form.syntax], left_out, len(sound))
