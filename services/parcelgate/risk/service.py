"""Serves RiskService: assesses chunks of calls, each by itself. It keeps nothing and reads no clock."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import grpc.aio

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.api.risk.v1.risk_pb2 import AssessCall, AssessRequest, AssessResponse, AssessResult
from parcelgate.api.risk.v1.risk_pb2_grpc import RiskServiceServicer
from parcelgate.core.fault import fault
from parcelgate.core.field import field
from parcelgate.core.pace import paced, portions
from parcelgate.risk.assess import Assessor
from parcelgate.risk.rule import Hit

HIGHEST_CALLS = 250
_RESULTS = AssessResponse.RESULTS_FIELD_NUMBER
_CALL_ID = AssessResult.CALL_ID_FIELD_NUMBER


class RiskServicer(RiskServiceServicer):
    """The servicer; serve is Assess for a server that takes responses as bytes."""

    def __init__(self, assessor: Assessor | None = None) -> None:
        """Take an assessor, or load schemas/risk; raises ValueError if that data is wrong."""
        self._assessor = Assessor.load() if assessor is None else assessor

    async def Assess(  # noqa: N802  # the name stands in the contract
        self, request: AssessRequest, context: "grpc.aio.ServicerContext[AssessRequest, AssessResponse]"
    ) -> AssessResponse:
        """Assess up to 250 calls, in order; aborts with INVALID_ARGUMENT if there are more."""
        return AssessResponse.FromString(await self.serve(request, context))

    async def serve(self, request: AssessRequest, context: "grpc.aio.ServicerContext[AssessRequest, Any]") -> bytes:
        """Answer Assess with the bytes of the response."""
        if len(request.calls) > HIGHEST_CALLS:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"{len(request.calls)} calls, at most {HIGHEST_CALLS} are taken"
            )
        answered = [self._results(some) async for some in paced(request.calls[:])]
        return b"".join(answered)

    def assess(self, request: AssessRequest) -> AssessResponse:
        """Assess the calls of a request without a server; a fault of one never stops another."""
        return AssessResponse.FromString(self.answer(request))

    def answer(self, request: AssessRequest) -> bytes:
        """Assess the calls of a request, at most 250, and return the AssessResponse as bytes.

        Most answers are the same but for ids and case, so they are put together from bytes that are there already.
        """
        return b"".join([self._results(some) for some in portions(request.calls[:])])

    def _results(self, calls: Sequence[AssessCall]) -> bytes:
        return b"".join([field(_RESULTS, result) for result in self._answers(calls)])

    def _answers(self, calls: Sequence[AssessCall]) -> Iterator[bytes]:
        """Answer calls whose declarations are examined together."""
        try:
            examined: Sequence[Sequence[Hit] | None] = self._assessor.examine_all([call.declaration for call in calls])
        except Exception:  # noqa: BLE001  # one of them breaks a rule; examined by itself, it stops no other
            examined = [None] * len(calls)
        return map(self._answer, calls, examined)

    def _answer(self, call: AssessCall, hits: Sequence[Hit] | None) -> bytes:
        """Answer a call by what was found in its declaration; None if it was not examined yet."""
        call_id = call.call_id
        if not call_id:
            return _failed("", fault("RISK_CALL_ID_MISSING", address="call_id"))
        declaration = call.declaration
        if not declaration.HasField("item"):
            return _failed(call_id, fault("RISK_ITEM_MISSING", address="declaration.item"))
        try:
            hits = self._assessor.examine(declaration) if hits is None else hits
            found = self._assessor.assess(call_id, declaration, call.case if call.HasField("case") else None, hits)
        except Exception as error:  # noqa: BLE001  # a rule that breaks is a fault of this item, never "no risk"
            item = declaration.item.key.identifier
            return _failed(call_id, fault("RISK_ASSESSMENT_FAILED", item=item, kind=type(error).__name__))
        return field(_CALL_ID, call_id.encode()) + found


def _failed(call_id: str, wrong: Fault) -> bytes:
    return AssessResult(call_id=call_id, fault=wrong).SerializeToString()
