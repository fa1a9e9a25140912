"""Service characters (ISO 9735, service string advice UNA): what parts segments, elements and components."""

from typing import NamedTuple


class Delimiters(NamedTuple):
    """The service characters of one interchange; an empty one is not used."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    repetition: str = ""
    terminator: str = "'"

    @property
    def service(self) -> str:
        """All that has a meaning and so must be released when it is text."""
        return self.component + self.element + self.repetition + self.terminator + self.release

    def of_version(self, version: str) -> "Delimiters":
        """Return those of a syntax version: only 4 has a repetition separator; its decimal mark is no service character."""
        return self if version == "4" else self._replace(repetition="")


DEFAULT = Delimiters(repetition="*")
# Level B of the older versions: information separators 1, 3 and 4, and nothing released.
LEVEL_B = Delimiters("\x1f", "\x1d", ".", "", "", "\x1c")


def from_advice(advice: str) -> Delimiters | None:
    """Read the six characters after UNA; None if they are of no use."""
    component, element, decimal, release, repetition, terminator = tuple(advice)
    wanted = component + element + terminator + release.strip(" ")
    if len(set(wanted)) < len(wanted):
        return None
    if any(char.isalnum() or char in " \t" or not char.isascii() for char in wanted):
        return None
    if repetition in wanted or repetition.isalnum() or not repetition.isascii():
        repetition = ""
    return Delimiters(component, element, decimal, release.strip(" "), repetition.strip(" "), terminator)
