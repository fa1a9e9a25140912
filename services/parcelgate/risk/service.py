"""Serves RiskService: assesses chunks of calls, each by itself. It keeps nothing and reads no clock."""

import grpc.aio

from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest, AssessResponse, AssessResult
from parcelgate.api.risk.v1.risk_pb2_grpc import RiskServiceServicer
from parcelgate.core.fault import fault
from parcelgate.risk.assess import Assessor

HIGHEST_CALLS = 250


class RiskServicer(RiskServiceServicer):
    """The servicer; add it to a grpc.aio server with add_RiskServiceServicer_to_server."""

    def __init__(self, assessor: Assessor | None = None) -> None:
        """Take an assessor, or load schemas/risk; raises ValueError if that data is wrong."""
        self._assessor = Assessor.load() if assessor is None else assessor

    async def Assess(  # noqa: N802  # the name stands in the contract
        self, request: AssessRequest, context: "grpc.aio.ServicerContext[AssessRequest, AssessResponse]"
    ) -> AssessResponse:
        """Assess up to 250 calls, in order; aborts with INVALID_ARGUMENT if there are more."""
        if len(request.calls) > HIGHEST_CALLS:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"{len(request.calls)} calls, at most {HIGHEST_CALLS} are taken"
            )
        return self.assess(request)

    def assess(self, request: AssessRequest) -> AssessResponse:
        """Assess the calls of a request without a server; a fault of one never stops another."""
        response = AssessResponse()
        for call in request.calls:
            self._answer(call, response.results.add())
        return response

    def _answer(self, call: AssessCall, result: AssessResult) -> None:
        call_id = result.call_id = call.call_id
        if not call_id:
            result.fault.CopyFrom(fault("RISK_CALL_ID_MISSING", address="call_id"))
            return
        declaration = call.declaration
        if not declaration.HasField("item"):
            result.fault.CopyFrom(fault("RISK_ITEM_MISSING", address="declaration.item"))
            return
        try:
            self._assessor.assess(result, declaration, call.case if call.HasField("case") else None)
        except Exception as error:  # noqa: BLE001  # a rule that breaks is a fault of this item, never "no risk"
            item = declaration.item.key.identifier
            result.Clear()
            result.call_id = call_id
            result.fault.CopyFrom(fault("RISK_ASSESSMENT_FAILED", item=item, kind=type(error).__name__))
