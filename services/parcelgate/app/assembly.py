"""The assembly: the one place where the services are made and given what they need."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from starlette.routing import BaseRoute

from parcelgate.adapters.transport.folder import FolderMailbox
from parcelgate.api.clearance.v1 import clearance_pb2
from parcelgate.api.risk.v1 import risk_pb2
from parcelgate.app import topology
from parcelgate.app.engine import Engines
from parcelgate.app.replaying import ReplayDoor
from parcelgate.app.wire import Line
from parcelgate.carrier.service import CarrierService
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.codecs.registry import shipped
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.runner import Consumer
from parcelgate.core.seal import Vault
from parcelgate.core.service import Service
from parcelgate.core.setting import Settings
from parcelgate.monitor.service import MonitorService
from parcelgate.postal.service import PostalService
from parcelgate.risk.service import RiskServicer
from parcelgate.router.service import RouterService


class Answering:
    """A service that only answers one kind of call and keeps nothing: risk, clearance."""

    def __init__(self, name: str, method: MethodDescriptor, answer: Any) -> None:
        """Take its name, the method of the contract, and what answers it with the bytes of the response."""
        self.name = name
        self._method = method
        self._answer = answer

    def consumers(self) -> Sequence[Consumer]:
        """Subscribe to nothing."""
        return ()

    def routes(self) -> Sequence[BaseRoute]:
        """Serve no HTTP."""
        return ()

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the method; its answers are bytes already, which the generated registration would not take."""
        method = self._method
        request = GetMessageClass(method.input_type)
        handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
            self._answer, request_deserializer=request.FromString
        )
        name = str(method.containing_service.full_name)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {method.name: handler}),))
        return (name,)

    async def run(self, stop: asyncio.Event) -> None:
        """Do nothing of its own accord."""
        await stop.wait()


@dataclass(frozen=True, slots=True)
class Built:
    """Services and all HTTP routes."""

    services: Sequence[Service]
    routes: Sequence[BaseRoute]


def build(
    names: Collection[str],
    engines: Engines,
    vault: Vault,
    partners: Partners,
    credentials: Credentials,
    settings: Settings,
    line: Line,
) -> Built:
    """Make the services named, and the doors of the operator, which belong to the router."""
    runner, services, routes = engines.runner, list[Service](), list[BaseRoute]()
    if "postal" in names:
        services.append(
            PostalService(
                runner=runner,
                vault=vault,
                partners=partners,
                credentials=credentials,
                settings=settings,
                charge=engines.charge,
                mailbox=lambda partner: FolderMailbox(settings.mailbox_root / partner),
                queue=engines.queue,
            )
        )
    if "carrier" in names:
        services.append(
            CarrierService(
                runner=runner,
                vault=vault,
                partners=partners,
                credentials=credentials,
                charge=engines.charge,
                queue=engines.queue,
                formats=partial(shipped, settings.format_root),
            )
        )
    if "router" in names:
        router = RouterService(
            runner=runner,
            vault=vault,
            partners=partners,
            credentials=credentials,
            settings=settings,
            charge=engines.charge,
            assess=line.assess,
            decide=line.decide,
        )
        services.append(router)
        routes += ReplayDoor(runner, credentials, router.reprocess, topology.CONSUMERS).routes()
    services += answering(names, settings).services
    if "monitor" in names:
        services.append(MonitorService(runner=runner, credentials=credentials))
    return Built(services, [*routes, *(route for service in services for route in service.routes())])


def answering(names: Collection[str], settings: Settings) -> Built:
    """Make those of the services named that only answer calls and need no engines."""
    services = list[Service]()
    if "risk" in names:
        assess = risk_pb2.DESCRIPTOR.services_by_name["RiskService"].methods_by_name["Assess"]
        services.append(Answering("risk", assess, RiskServicer().serve))
    if "clearance" in names:
        decide = clearance_pb2.DESCRIPTOR.services_by_name["ClearanceService"].methods_by_name["Decide"]
        services.append(Answering("clearance", decide, ClearanceServicer.of(settings.regimes).serve))
    return Built(services, [])
