"""A text in pieces: what stands in several short fields of a document, one after the other, is one text of the record (UPS, 3 x 35)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pieces:
    """At most so many pieces of at most so many characters."""

    count: int
    size: int

    def join(self, pieces: Sequence[str]) -> str:
        """Put pieces together: one that fills its field goes on in the next without a blank, others are whole words."""
        joined = ""
        for number, piece in enumerate(pieces):
            apart = number and len(pieces[number - 1]) != self.size
            joined += f" {piece}" if apart else piece
        return joined.strip()

    def cut(self, text: str) -> list[str]:
        """Cut a text so that joining gives it back: at blanks, inside of words where it is too long for that.

        Nothing is left out: what is too long for all pieces together stands in the last.
        """
        fair, full = self._cut(text, at_blanks=True), self._cut(text, at_blanks=False)
        return full if len(fair[-1]) > self.size >= len(full[-1]) else fair

    def _cut(self, text: str, *, at_blanks: bool) -> list[str]:
        pieces: list[str] = []
        while len(text) > self.size and len(pieces) < self.count - 1:
            # A piece that ends at a blank is shorter than its field, or it would go on without one.
            blank = text.rfind(" ", 1, self.size) if at_blanks else -1
            pieces.append(text[: blank if blank > 0 else self.size])
            text = text[blank + 1 if blank > 0 else self.size :]
        return [*pieces, text]


def pieces_of(words: str) -> Pieces:
    """Read what join(3,35) is told; raises ValueError for anything else."""
    count, _, size = words.partition(",")
    if not (count.strip().isdecimal() and size.strip().isdecimal() and int(count) > 1 and int(size) > 1):
        raise ValueError("it needs a number of pieces and their length, each more than one")
    return Pieces(int(count), int(size))
