"""The gateway's own gRPC line: the router asks risk and clearance through the same contracts that an authority may use."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from parcelgate.api.clearance.v1.clearance_pb2 import DecideResponse
from parcelgate.api.risk.v1.risk_pb2 import AssessResponse
from parcelgate.core.credential import Credentials
from parcelgate.core.port import TryAgainError

if TYPE_CHECKING:
    AnyHandler = grpc.RpcMethodHandler[Any, Any]

# A chunk of 250 items with their findings fits well; a larger message is somebody's mistake.
MESSAGE_BYTES = 8 * 1024 * 1024
LIMITS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
)

_ASSESS = "/parcelgate.api.risk.v1.RiskService/Assess"
_DECIDE = "/parcelgate.api.clearance.v1.ClearanceService/Decide"
# A service that comes back is asked again within a second; calls go round among several instances.
_CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.lb_policy_name", "round_robin"),
    # A connection that answers nothing any more is found out.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
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


def target(address: str) -> str:
    """Return the gRPC target of an address: a name with its port, or several IP addresses with ports and commas between."""
    return f"ipv4:{address}" if "," in address else address


class Line:
    """Calls risk and clearance with the gateway's credential; a callee that is away raises TryAgainError."""

    def __init__(self, key: str, seconds: float) -> None:
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._seconds = seconds
        self._assess: grpc.aio.UnaryUnaryMultiCallable[bytes, AssessResponse] | None = None
        self._decide: grpc.aio.UnaryUnaryMultiCallable[bytes, DecideResponse] | None = None

    @asynccontextmanager
    async def connected(self, risk: str, clearance: str) -> AsyncIterator[None]:
        """Hold channels to the addresses for as long as the process serves; see target for what an address may be."""
        options = (*LIMITS, *_CHANNEL)
        async with (
            grpc.aio.insecure_channel(target(risk), options=options) as to_risk,
            grpc.aio.insecure_channel(target(clearance), options=options) as to_clearance,
        ):
            # The requests are bytes already; generated stubs would take messages and write them again.
            self._assess = to_risk.unary_unary(_ASSESS, None, AssessResponse.FromString)
            self._decide = to_clearance.unary_unary(_DECIDE, None, DecideResponse.FromString)
            yield

    async def assess(self, request: bytes) -> AssessResponse:
        """Ask risk; the request is an AssessRequest as bytes."""
        if self._assess is None:
            raise TryAgainError("the line to risk is not up yet")
        with _away_is_try_again():
            return await self._assess(request, timeout=self._seconds, metadata=self._metadata)

    async def decide(self, request: bytes) -> DecideResponse:
        """Ask clearance; the request is a DecideRequest as bytes."""
        if self._decide is None:
            raise TryAgainError("the line to clearance is not up yet")
        with _away_is_try_again():
            return await self._decide(request, timeout=self._seconds, metadata=self._metadata)


@contextmanager
def _away_is_try_again() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise TryAgainError(f"{error.code().name}: {error.details()}") from error
