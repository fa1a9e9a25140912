"""Postal as a service: doors and mailboxes, the loops that bring interchanges to their end, and its subscription."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import grpc.aio
import structlog
from starlette.routing import BaseRoute

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs import translate
from parcelgate.codecs.registry import shipped
from parcelgate.core import chunk
from parcelgate.core.bell import delivery_bell
from parcelgate.core.charge import Charge
from parcelgate.core.credential import Credentials
from parcelgate.core.letter import PartnerQueue
from parcelgate.core.partner import Partner, Partners
from parcelgate.core.runner import BULK_AT_ONCE, Consumer, Runner
from parcelgate.core.seal import Vault
from parcelgate.core.setting import Settings
from parcelgate.postal.delivery import Delivering
from parcelgate.postal.dispatch import Dispatch
from parcelgate.postal.door import PostalDoor
from parcelgate.postal.form import Forms
from parcelgate.postal.handout import HandOut
from parcelgate.postal.intake import Intake
from parcelgate.postal.interchange import RECEIVED_BELL
from parcelgate.postal.mailbox import FolderTray, InTray, Mailbox, OutTray, Tray, go_round, pause
from parcelgate.postal.outcome import Outcomes
from parcelgate.postal.pool import Pool
from parcelgate.postal.queue import InQueue, QueueTray
from parcelgate.postal.reading import not_taken
from parcelgate.postal.routing import Routing
from parcelgate.postal.translation import Translation

_SWEEP_SECONDS = 60.0


class PostalService:
    """The edge of posts and customs mailboxes; mailbox gives that of a partner by its id, queue its queues."""

    name = "postal"

    def __init__(
        self,
        *,
        runner: Runner,
        vault: Vault,
        partners: Partners,
        credentials: Credentials,
        settings: Settings,
        charge: Charge,
        mailbox: Callable[[str], Mailbox],
        queue: Callable[[str], PartnerQueue] | None = None,
    ) -> None:
        self._runner = runner
        self._charge = charge
        self._partners = partners
        self._mailbox = mailbox
        self._queue = queue
        # What lies in the operator's folder of formats may change at any time.
        self._formats = partial(shipped, settings.format_root)
        self._refused: Mapping[Path, str] = {}

        def recognise(first: bytes, agreed: Sequence[str]) -> str | Fault:
            return translate.recognise(first, agreed=agreed, registry=self._formats())

        def untaken(form: str) -> Fault | None:
            return not_taken(form, self._formats())

        self.pool = Pool(settings.workers)
        self.intake = Intake(runner, vault, settings, recognise, untaken)
        self.outcomes = Outcomes(runner.store)
        self.hand_out = HandOut(runner, vault, Forms(self._formats))
        self._delivering = Delivering(runner.store, runner.clock)
        routing = Routing(runner, vault, partners)
        translation = Translation(runner, vault, partners, self.pool, routing, str(settings.format_root))
        self._dispatch = Dispatch(runner, translation, routing, settings)
        self.intake.on_received = self._dispatch.begin
        self._door = PostalDoor(runner, credentials, self.intake, self.outcomes, self.hand_out)

    def consumers(self) -> Sequence[Consumer]:
        """Return its subscriptions, one for each lane: what is released to posts and filed with customs mailboxes."""
        return (
            Consumer("postal", "postal.release", self._delivering.handle, chunk.split),
            Consumer("postal.bulk", "postal.release.bulk", self._delivering.handle, chunk.split, BULK_AT_ONCE),
        )

    def routes(self) -> Sequence[BaseRoute]:
        """Return its HTTP routes."""
        return self._door.routes()

    def attach(self, server: grpc.aio.Server) -> Sequence[str]:
        """Serve no gRPC."""
        del server
        return ()

    async def run(self, stop: asyncio.Event) -> None:
        """Translate, route, watch mailboxes and hand out until stop is set; the work in hand is finished first."""
        served = [one for one in self._partners.all() if one.kind in ("POST", "CUSTOMS")]
        await self.pool.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._dispatch.run(stop), name="dispatch")
                group.create_task(self._sweep(stop), name="sweep")
                for partner in served:
                    await self._serve(group, partner, stop)
                await stop.wait()
                names = [delivery_bell(one.id, one.environment) for one in served]
                self._runner.bell.ring([RECEIVED_BELL, *names])
        finally:
            await self.pool.close()

    async def _serve(self, group: asyncio.TaskGroup, partner: Partner, stop: asyncio.Event) -> None:
        mailbox = self._mailbox(partner.id) if partner.mailbox else None
        tray: Tray | None = FolderTray(mailbox) if mailbox is not None else None
        if partner.queue and self._queue is not None:
            queue = self._queue(partner.id)
            tray = QueueTray(queue)
            in_queue = InQueue(partner, queue, self.intake)
            group.create_task(go_round(in_queue.look, _at_once, stop), name=f"queue of {partner.id}")
        # For who has neither, messages are closed when it asks for them.
        if tray is not None:
            out_tray = OutTray(self._runner, partner, tray, self.hand_out)

            async def hand_out() -> None:
                if await self._charge.mine(f"hand-out to {partner.id}"):
                    await out_tray.look()

            group.create_task(go_round(hand_out, out_tray.wait, stop), name=f"hand out to {partner.id}")
        if mailbox is not None:
            # One partner's folder that cannot be made now must not keep the others away; its in-tray tries again.
            with contextlib.suppress(OSError):
                await mailbox.open()
            in_tray = InTray(self._runner, partner, mailbox, self.intake, self.outcomes)

            async def take_in() -> None:
                if await self._charge.mine(f"mailbox of {partner.id}"):
                    await in_tray.look()
                else:
                    in_tray.leave()

            group.create_task(go_round(take_in, lambda: pause(stop), stop), name=f"mailbox of {partner.id}")

    async def _sweep(self, stop: asyncio.Event) -> None:
        async def look() -> None:
            self._tell_refused()
            if await self._charge.mine("postal sweep"):
                await self.intake.sweep()

        await go_round(look, lambda: pause(stop, _SWEEP_SECONDS), stop)

    def _tell_refused(self) -> None:
        """Log once what of the operator's folder of formats can't be used, and why."""
        refused = self._formats().refused
        for folder, reason in refused.items():
            if self._refused.get(folder) != reason:
                structlog.get_logger("postal").warning("format_refused", folder=str(folder), reason=reason)
        self._refused = refused


async def _at_once() -> None:
    """Rest not at all: looking is waiting."""
