"""Serves ClearanceService: decides on chunks of calls, each by itself. It keeps nothing and reads no clock."""

from pathlib import Path

import grpc
import grpc.aio

from parcelgate.api.clearance.v1.clearance_pb2 import DecideCall, DecideRequest, DecideResponse, DecideResult
from parcelgate.api.clearance.v1.clearance_pb2_grpc import ClearanceServiceServicer
from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_CANCEL
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.clearance import regime, table
from parcelgate.clearance.decision import Decider, procedure
from parcelgate.core.fault import fault

HIGHEST_CALLS = 250


class ClearanceServicer(ClearanceServiceServicer):
    """The servicer; add it to a grpc.aio server with add_ClearanceServiceServicer_to_server."""

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
        if len(request.calls) > HIGHEST_CALLS:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"{len(request.calls)} calls, at most {HIGHEST_CALLS} are taken"
            )
        return self.decide(request)

    def decide(self, request: DecideRequest) -> DecideResponse:
        """Decide on the calls of a request without a server; a fault of one never stops another."""
        response = DecideResponse()
        for call in request.calls:
            self._answer(call, response.results.add())
        return response

    def _answer(self, call: DecideCall, result: DecideResult) -> None:
        result.call_id = call.call_id
        flow = procedure(call)
        wrong = _unfit(call, flow)
        if wrong is not None:
            result.fault.CopyFrom(wrong)
            return
        try:
            self._decider.decide(call, result.decision, flow)
        except Exception as error:  # noqa: BLE001  # a row that breaks is a fault of this item, never a release
            item = call.declaration.item.key.identifier
            result.ClearField("decision")
            result.fault.CopyFrom(fault("CLEARANCE_FAILED", item=item, kind=type(error).__name__))


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
