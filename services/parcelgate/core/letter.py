"""What goes through a partner's own queues: letters that it takes, and documents that it hands in.

The queues themselves are bounded and the broker's; the delivery log behind them is the buffer (design 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for a partner. The same letter always has the same id, by which the partner tells repetitions.

    Kind is the id of its format, or receipt, refusal, decision; correlation is the id of what it answers.
    """

    id: str
    kind: str
    content_type: str
    body: bytes
    correlation: str = ""
    headers: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A document that a partner handed in; ticket is the queue's own business."""

    id: str
    name: str
    body: bytes
    ticket: int


class PartnerQueue(Protocol):
    """The queues of one partner. Every method raises NotNowError while the broker is away."""

    async def room(self) -> int:
        """Return how many letters fit in."""

    async def put(self, letter: Letter) -> None:
        """Return when the letter lies there durably; raises NotNowError if the queue is full."""

    async def next(self, seconds: float) -> HandedIn | None:
        """Return what was handed in and is not done, waiting so long at most; it stays until it is done."""

    def holds(self, handed_in: HandedIn) -> bool:
        """Tell whether it is still ours to finish; after a lost connection it comes again, under another ticket."""

    async def done(self, handed_in: HandedIn) -> None:
        """Take it off for good."""
