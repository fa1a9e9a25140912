"""Takes requests in: one transaction each, at most once each, every line with its own result."""

import asyncio
from collections.abc import Iterable, Sequence

from parcelgate.api.carrier.v1.carrier_pb2 import SubmitResponse
from parcelgate.carrier.booking import Booking
from parcelgate.carrier.finding import most_findings
from parcelgate.carrier.request import Line, Request
from parcelgate.carrier.shipment import Checked, check_line
from parcelgate.core import failpoint
from parcelgate.core.credential import Identity
from parcelgate.core.fault import fault
from parcelgate.core.port import ConflictError, RejectError
from parcelgate.core.runner import Runner
from parcelgate.core.seal import Vault
from parcelgate.core.version import Known

_TRIES = 20
# Checking more lines at once would hold up the loop; it is done in a thread.
_FEW = 20


class Intake:
    """Takes requests of carriers in."""

    def __init__(self, runner: Runner, vault: Vault) -> None:
        self._runner = runner
        self._vault = vault

    async def hand_in(self, caller: Identity, request: Request) -> SubmitResponse:
        """Take a request in, or return the stored answer to a request that was taken in before.

        Returns after the commit. Raises RejectError if the request as a whole is refused (nothing is kept then),
        StoreUnavailableError if nothing can be stored now.
        """
        self._runner.pressure.check()
        partner, environment = caller.partner.id, caller.environment
        lines = request.lines()
        if len(lines) > _FEW:
            checked = await asyncio.to_thread(_check, lines, request, partner, environment)
        else:
            checked = _check(lines, request, partner, environment)
        digest = request.digest
        for _ in range(_TRIES):
            if (answer := await self._answer(partner, environment, request, digest)) is not None:
                return answer
            known = await self._known(partner, environment, {one.declaration.id for one in checked})
            booking = Booking(request, partner, environment, self._runner.clock.micros(), known)
            for one in checked:
                booking.book(one)
            try:
                await self._runner.transact(booking.outcome(digest, self._vault))
            except ConflictError:
                # Another request took the id, or one of the declarations, in between: look again.
                await asyncio.sleep(0)
                continue
            failpoint.pass_by("carrier.committed_before_reply")
            return booking.answer
        raise RejectError(fault("DECLARATIONS_CONTENDED"))

    async def stored(self, caller: Identity, receipt: str) -> SubmitResponse:
        """Return the stored answer of a receipt; raises RejectError if the caller has none of that receipt."""
        rows = await self._runner.store.read(
            "carrier.answer_of_receipt", caller.environment, caller.partner.id, receipt
        )
        if not rows:
            raise RejectError(fault("REQUEST_UNKNOWN"))
        return _repeated(rows[0][0])

    async def _answer(self, partner: str, environment: str, request: Request, digest: str) -> SubmitResponse | None:
        rows = await self._runner.store.read("carrier.request_of_id", environment, partner, request.id)
        if not rows:
            return None
        known_digest, receipt, answer = rows[0]
        if known_digest != digest:
            raise RejectError(fault("REQUEST_ID_REUSED", address=request.spelling("request_id"), receipt=receipt))
        return _repeated(answer)

    async def _known(self, partner: str, environment: str, ids: Iterable[str]) -> dict[str, Known]:
        rows = await self._runner.store.read("carrier.newest_versions", environment, partner, sorted(ids))
        return {row[0]: Known(*row[1:]) for row in rows}


def _check(lines: Sequence[Line], request: Request, partner: str, environment: str) -> list[Checked]:
    return [check_line(line, request, partner, environment, most_findings(len(lines))) for line in lines]


def _repeated(answer: bytes) -> SubmitResponse:
    response = SubmitResponse.FromString(answer)
    response.repeated_request = True
    return response
