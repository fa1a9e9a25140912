"""What an error of PostgreSQL or of the line to it means for whoever waits: not now, somebody was first, or our own bug."""

import asyncpg

from parcelgate.adapters.store.postgres.statement import ROW_CHANGED
from parcelgate.core.port import AlreadySeenError, ConflictError, StoreUnavailableError

# SQLSTATE classes that say of the database, not of the work, that it cannot be done now: connection, read-only after a
# change of roles (25006), resources (disk full, memory, too many connections), a person or a timeout stepped in
# (shutting down, starting up, statement_timeout), files.
_AWAY = ("08", "25006", "53", "57", "58")
# Two transactions stood in each other's way, and this one gave in: deadlock, serialization, lock not available.
_IN_THE_WAY = ("40", "55P03")
_LINE_IS_GONE = ("08", "57P01", "57P02", "57P03", "57P05")
# All that can come of using a connection, our own wrong arguments included.
FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_INBOX = "inbox_pkey"
_LOGGED = "delivery_pkey"


class LoggedBeforeError(ConflictError):
    """A delivery log has one of the responses."""


def line_is_gone(error: BaseException) -> bool:
    """Tell whether the connection is of no use any more after this error."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_LINE_IS_GONE)
    # asyncpg says it with the same class that it has for wrong arguments.
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    # An OSError can be a timeout: it leaves an answer behind that nobody waits for.
    return isinstance(error, (OSError, asyncpg.InternalClientError))


def translated(error: Exception) -> Exception:
    """Return what the store raises for an error; one that is our own bug stays what it is."""
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        if code.startswith(_AWAY):
            return StoreUnavailableError(f"PostgreSQL says: {error}")
        if isinstance(error, asyncpg.UniqueViolationError):
            if error.constraint_name == _INBOX:
                return AlreadySeenError("this was processed before")
            if error.constraint_name == _LOGGED:
                return LoggedBeforeError("a response was logged before")
            return ConflictError(f"a key is taken: {error.constraint_name}")
        if code == ROW_CHANGED or code.startswith(_IN_THE_WAY):
            return ConflictError(error.args[0])
        return error
    if line_is_gone(error):
        return StoreUnavailableError(f"PostgreSQL does not answer: {error or type(error).__name__}")
    return error
