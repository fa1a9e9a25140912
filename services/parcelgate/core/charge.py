"""Who does what there must be only one of: a mailbox, a drain, a sweep. With one process that is always this one."""

from typing import Protocol


class Charge(Protocol):
    """Tells which process looks after what."""

    async def mine(self, what: str) -> bool:
        """Tell whether this process looks after it now; of a process that died, another takes it over after a while.

        Two may believe so for a moment, so that what is done must stay harmless when it is done twice. Raises
        StoreUnavailableError if nobody can tell.
        """


class Alone:
    """The charge of a gateway that is one process."""

    async def mine(self, what: str) -> bool:
        """Look after everything."""
        del what
        return True
