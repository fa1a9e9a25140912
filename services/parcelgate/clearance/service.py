"""Serves ClearanceService: decides on chunks of calls, each by itself. It keeps nothing and reads no clock."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest, DecideResponse, DecideResult
from parcelgate.api.clearance.v1.clearance_pb2_grpc import ClearanceServiceServicer
from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_CANCEL
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.clearance import regime, table
from parcelgate.clearance.decision import Decider, procedure
from parcelgate.core.fault import fault
from parcelgate.core.field import field
from parcelgate.core.pace import paced, portions

HIGHEST_CALLS = 250
_RESULTS = DecideResponse.RESULTS_FIELD_NUMBER
_CALL_ID, _DECISION = DecideResult.CALL_ID_FIELD_NUMBER, DecideResult.DECISION_FIELD_NUMBER


class ClearanceServicer(ClearanceServiceServicer):
    """The servicer; serve is Decide for a server that takes responses as bytes."""

    def __init__(self, decider: Decider | None = None) -> None:
        """Take a decider, or load schemas/regimes; raises TableError if that data is wrong."""
        self._decider = Decider(regime.load()) if decider is None else decider

    @classmethod
    def of(cls, folder: Path | None) -> "ClearanceServicer":
        """Make a servicer with the regimes of a folder, or with the shipped ones; raises TableError if they are wrong."""
        return cls(Decider(regime.load(folder)) if folder is not None else None)

    async def Decide(  # noqa: N802  # the name stands in the contract
        self, request: DecideRequest, context: "grpc.aio.ServicerContext[DecideRequest, DecideResponse]"
    ) -> DecideResponse:
        """Decide on up to 250 calls, in order; aborts with INVALID_ARGUMENT if there are more."""
        return DecideResponse.FromString(await self.serve(request, context))

    async def serve(self, request: DecideRequest, context: "grpc.aio.ServicerContext[DecideRequest, Any]") -> bytes:
        """Answer Decide with the bytes of the response."""
        if len(request.calls) > HIGHEST_CALLS:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"{len(request.calls)} calls, at most {HIGHEST_CALLS} are taken"
            )
        answered = [self._results(some) async for some in paced(request.calls[:])]
        return b"".join(answered)

    def decide(self, request: DecideRequest) -> DecideResponse:
        """Decide on the calls of a request without a server; a fault of one never stops another."""
        return DecideResponse.FromString(self.answer(request))

    def answer(self, request: DecideRequest) -> bytes:
        """Decide on the calls of a request, at most 250, and return the DecideResponse as bytes."""
        return b"".join([self._results(some) for some in portions(request.calls[:])])

    def _results(self, calls: Sequence[DecideCall]) -> bytes:
        return b"".join([field(_RESULTS, result) for result in self._answers(calls)])

    def _answers(self, calls: Sequence[DecideCall]) -> Iterator[bytes]:
        """Answer calls that are decided together."""
        # Held here, so that protobuf makes them once for all who look at them.
        _held = [(call.declaration, call.case) for call in calls]
        flows = [procedure(call) for call in calls]
        faults = [_unfit(call, flow) for call, flow in zip(calls, flows, strict=True)]
        fit = [(call, flow) for call, flow, wrong in zip(calls, flows, faults, strict=True) if wrong is None]
        decisions = iter(self._decisions(fit))
        for call, wrong in zip(calls, faults, strict=True):
            made = next(decisions) if wrong is None else wrong
            if isinstance(made, Fault):
                yield DecideResult(call_id=call.call_id, fault=made).SerializeToString()
            else:
                yield field(_CALL_ID, call.call_id.encode()) + field(_DECISION, made)

    def _decisions(self, calls: Sequence[tuple[DecideCall, str]]) -> Iterable[bytes | Fault]:
        """Return for each call, under its flow, a decision as bytes, or why there is none."""
        try:
            return self._decider.decide(calls)
        except Exception:  # noqa: BLE001  # a row breaks on one of them; decided by itself, it stops no other
            return [self._alone(call, flow) for call, flow in calls]

    def _alone(self, call: DecideCall, flow: str) -> bytes | Fault:
        try:
            (decision,) = self._decider.decide([(call, flow)])
        except Exception as error:  # noqa: BLE001  # a row that breaks is a fault of this item, never a release
            return fault("CLEARANCE_FAILED", item=call.declaration.item.key.identifier, kind=type(error).__name__)
        return decision


def _unfit(call: DecideCall, flow: str) -> Fault | None:
    """Return why a call cannot be decided on at all; None if it can."""
    declaration = call.declaration
    if not call.call_id:
        return fault("CLEARANCE_CALL_ID_MISSING", address="call_id")
    if declaration.function == FUNCTION_CANCEL:
        return fault("CLEARANCE_CANCELLED", address="declaration.function")
    if not declaration.HasField("item"):
        return fault("CLEARANCE_ITEM_MISSING", address="declaration.item")
    if not flow:
        return fault("CLEARANCE_PROCEDURE_UNFIT", address="case.procedure")
    if not table.is_day(call.acceptance_date):
        return fault("CLEARANCE_DATE_INVALID", address="acceptance_date", value=call.acceptance_date)
    return None
