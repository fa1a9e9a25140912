"""Character sets of UNB (syntax identifiers UNOA to UNOY): how bytes become text, and which characters a set has."""

from collections.abc import Mapping
from dataclasses import dataclass

_PRINTABLE = bytes(range(0x20, 0x7F))
_LINE_ENDS = b"\r\n"
_HIGH = bytes(range(0xA0, 0x100))
# Level A and B of ISO 9735, without and with small letters; level B has more signs than level A.
_SIGNS_OF_A = b" .,-()/=!\"%&*;<>'+:?"
_CAPITALS = bytes(range(0x41, 0x5B)) + bytes(range(0x30, 0x3A))
_SMALL = bytes(range(0x61, 0x7B))
# Control characters never reach a record.
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, *range(0x80, 0xA0)), "\ufffd")


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """One set: the codec of its bytes, and the bytes that may stand in it."""

    name: str
    codec: str
    allowed: bytes

    def has_all(self, data: bytes, service: bytes) -> bool:
        """Tell whether all bytes belong to the set, or are service characters."""
        return not data.translate(None, self.allowed + service)

    def holds(self, text: str, service: bytes) -> bool:
        """Tell the same of a text that was decoded."""
        try:
            return "\ufffd" not in text and self.has_all(text.encode(self.codec), service)
        except UnicodeEncodeError:
            return False

    def text(self, data: bytes) -> str:
        """Decode; what the codec does not know, and control characters, become U+FFFD."""
        return data.decode(self.codec, "replace")

    def data(self, text: str) -> bytes:
        """Encode; raises UnicodeEncodeError for a character that the set does not have."""
        data = text.encode(self.codec)
        if data.translate(None, self.allowed):
            raise UnicodeEncodeError(self.codec, text, 0, len(text), "not of the set")
        return data


def without_controls(text: str) -> str:
    """Put U+FFFD for control characters other than tabs and line ends."""
    return text.translate(_CONTROLS)


def _iso(part: int) -> tuple[str, bytes]:
    return f"iso8859-{part}", _PRINTABLE + _HIGH + _LINE_ENDS


SETS: Mapping[str, CharacterSet] = {
    name: CharacterSet(name, codec, allowed)
    for name, (codec, allowed) in {
        "UNOA": ("latin-1", _CAPITALS + _SIGNS_OF_A + _LINE_ENDS),
        "UNOB": ("latin-1", _CAPITALS + _SMALL + _SIGNS_OF_A + _LINE_ENDS),
        "UNOC": _iso(1),
        "UNOD": _iso(2),
        "UNOE": _iso(5),
        "UNOF": _iso(7),
        "UNOG": _iso(3),
        "UNOH": _iso(4),
        "UNOI": _iso(6),
        "UNOJ": _iso(8),
        "UNOK": _iso(9),
        "UNOW": ("utf-8", _PRINTABLE + _LINE_ENDS + bytes(range(0x80, 0x100))),
    }.items()
}
# Code extension by escape sequences (ISO 2022), and ISO 10646 in two bytes: their bytes are not those of ASCII.
REFUSED = frozenset(("UNOX", "UNOY"))
