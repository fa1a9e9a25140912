"""The assembly: the one place where the services are made and given what they need."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from starlette.routing import BaseRoute

from parcelgate.adapters.transport.folder import FolderMailbox
from parcelgate.api.clearance.v1 import clearance_pb2, clearance_pb2_grpc
from parcelgate.api.risk.v1 import risk_pb2, risk_pb2_grpc
from parcelgate.app.replaying import ReplayDoor
from parcelgate.app.wire import Line
from parcelgate.carrier.service import CarrierService
from parcelgate.clearance.service import ClearanceServicer
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.runner import Consumer, Runner
from parcelgate.core.seal import Vault
from parcelgate.core.service import Service
from parcelgate.core.setting import Settings
from parcelgate.monitor.service import MonitorService
from parcelgate.postal.service import PostalService
from parcelgate.risk.service import RiskServicer
from parcelgate.router.service import RouterService


class Answering:
    """A service that only answers calls and keeps nothing: risk, clearance."""

    def __init__(self, name: str, full_name: str, add: Any, servicer: Any) -> None:
        self.name = name
        self._full_name = full_name
        self._add = add
        self._servicer = servicer

    def consumers(self) -> Sequence[Consumer]:
        """Subscribe to nothing."""
        return ()

    def routes(self) -> Sequence[BaseRoute]:
        """Serve no HTTP."""
        return ()

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the servicer."""
        self._add(self._servicer, server)
        return (self._full_name,)

    async def run(self, stop: asyncio.Event) -> None:
        """Do nothing of its own accord."""
        await stop.wait()


@dataclass(frozen=True, slots=True)
class Built:
    """The services and all HTTP routes."""

    services: Sequence[Service]
    routes: Sequence[BaseRoute]


def build(
    runner: Runner, vault: Vault, partners: Partners, credentials: Credentials, settings: Settings, line: Line
) -> Built:
    """Make the six services and the doors of the operator."""
    router = RouterService(
        runner=runner,
        vault=vault,
        partners=partners,
        credentials=credentials,
        settings=settings,
        assess=line.assess,
        decide=line.decide,
    )
    services: tuple[Service, ...] = (
        PostalService(
            runner=runner,
            vault=vault,
            partners=partners,
            credentials=credentials,
            settings=settings,
            mailbox=lambda partner: FolderMailbox(settings.mailbox_root / partner),
        ),
        CarrierService(runner=runner, vault=vault, partners=partners, credentials=credentials),
        router,
        Answering(
            "risk",
            risk_pb2.DESCRIPTOR.services_by_name["RiskService"].full_name,
            risk_pb2_grpc.add_RiskServiceServicer_to_server,
            RiskServicer(),
        ),
        Answering(
            "clearance",
            clearance_pb2.DESCRIPTOR.services_by_name["ClearanceService"].full_name,
            clearance_pb2_grpc.add_ClearanceServiceServicer_to_server,
            ClearanceServicer.of(settings.regimes),
        ),
        MonitorService(runner=runner, credentials=credentials),
    )
    consumers = {one.name for service in services for one in service.consumers()}
    replay = ReplayDoor(runner, credentials, router.reprocess, consumers)
    return Built(services, [*replay.routes(), *(route for service in services for route in service.routes())])
