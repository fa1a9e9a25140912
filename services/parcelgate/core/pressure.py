"""Back-pressure: a gateway that has too much in hand says so at every door, and keeps nothing in memory for later."""

from parcelgate.core.port import BusyError

# Below this share of its limit a full measure is open again, so that doors do not flutter.
_OPEN_AGAIN = 0.8
_RETRY_SECONDS = 5


class Pressure:
    """Measures of what is in hand, each with its limit."""

    def __init__(self) -> None:
        self._full: dict[str, int] = {}

    def tell(self, what: str, amount: int, most: int) -> None:
        """Note how much of something is in hand, and how much may be."""
        if amount > most:
            self._full[what] = amount
        elif amount <= most * _OPEN_AGAIN:
            self._full.pop(what, None)

    @property
    def full(self) -> str:
        """Say what there is too much of; empty if nothing."""
        return ", ".join(f"{amount} {what}" for what, amount in sorted(self._full.items()))

    def check(self) -> None:
        """Raise BusyError if nothing more should be taken in now."""
        if self._full:
            raise BusyError(self.full, _RETRY_SECONDS)
