"""The gateway's own gRPC line: the router asks risk and clearance through the same contracts that an authority may use."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from parcelgate.api.clearance.v1.clearance_pb2 import DecideRequest, DecideResponse
from parcelgate.api.clearance.v1.clearance_pb2_grpc import ClearanceServiceStub
from parcelgate.api.risk.v1.risk_pb2 import AssessRequest, AssessResponse
from parcelgate.api.risk.v1.risk_pb2_grpc import RiskServiceStub
from parcelgate.core.credential import Credentials
from parcelgate.core.port import TryAgainError

if TYPE_CHECKING:
    AnyHandler = grpc.RpcMethodHandler[Any, Any]
    from parcelgate.api.clearance.v1.clearance_pb2_grpc import ClearanceServiceAsyncStub
    from parcelgate.api.risk.v1.risk_pb2_grpc import RiskServiceAsyncStub

# A chunk of 250 items with their findings fits well; a larger message is somebody's mistake.
MESSAGE_BYTES = 8 * 1024 * 1024
LIMITS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
)

# Who may call the services between the services.
_INTERNAL = {
    "/parcelgate.api.risk.v1.RiskService/": "INTEGRATOR",
    "/parcelgate.api.clearance.v1.ClearanceService/": "INTEGRATOR",
}


class InternalOnly(grpc.aio.ServerInterceptor):
    """Keeps partners away from risk and clearance: findings name rules that a partner must not probe."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[AnyHandler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "AnyHandler | None":
        """Refuse a call of an internal service without the gateway's own credential."""
        method = handler_call_details.method
        wanted = next((kind for prefix, kind in _INTERNAL.items() if method.startswith(prefix)), None)
        if wanted is not None:
            value = dict(handler_call_details.invocation_metadata or ()).get("authorization")
            identity = self._credentials.identify(value if isinstance(value, str) else None)
            if identity is None or identity.partner.kind != wanted:
                return grpc.unary_unary_rpc_method_handler(_refuse)
        return await continuation(handler_call_details)


async def _refuse(_request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "ROLE_REFUSED: this service is for the gateway itself.")
    return b""


class Line:
    """Calls risk and clearance with the gateway's credential; a callee that is away raises TryAgainError."""

    def __init__(self, key: str, seconds: float) -> None:
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._seconds = seconds
        self._risk: RiskServiceAsyncStub | None = None
        self._clearance: ClearanceServiceAsyncStub | None = None

    @asynccontextmanager
    async def connected(self, address: str) -> AsyncIterator[None]:
        """Hold a channel to the address for as long as the gateway serves."""
        async with grpc.aio.insecure_channel(address, options=LIMITS) as channel:
            self._risk, self._clearance = RiskServiceStub(channel), ClearanceServiceStub(channel)
            yield

    async def assess(self, request: AssessRequest) -> AssessResponse:
        """Ask risk."""
        if self._risk is None:
            raise TryAgainError("the line to risk is not up yet")
        with _away_is_try_again():
            return await self._risk.Assess(request, timeout=self._seconds, metadata=self._metadata)

    async def decide(self, request: DecideRequest) -> DecideResponse:
        """Ask clearance."""
        if self._clearance is None:
            raise TryAgainError("the line to clearance is not up yet")
        with _away_is_try_again():
            return await self._clearance.Decide(request, timeout=self._seconds, metadata=self._metadata)


@contextmanager
def _away_is_try_again() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise TryAgainError(f"{error.code().name}: {error.details()}") from error
