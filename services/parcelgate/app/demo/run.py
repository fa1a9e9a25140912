"""Runs the demo: hand in, wait, prove, show."""

import datetime
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release
from parcelgate.app.client import NoGatewayError, RefusedError
from parcelgate.app.demo import log, proof
from parcelgate.app.demo.delivery import Delivery
from parcelgate.app.demo.log import Logged
from parcelgate.app.demo.stage import Administration, NotStartedError, gateway
from parcelgate.app.demo.traffic import ITEMS, SHIPMENTS, Traffic, traffic
from parcelgate.app.node.engine import EngineMissingError
from parcelgate.app.node.process import NodeFailedError
from parcelgate.app.sending import progress
from parcelgate.core import setting
from parcelgate.core.setting import Settings

WAIT_SECONDS = 120.0
_CODES = [name.removeprefix("DECISION_CODE_") for name in DecisionCode.DESCRIPTOR.values_by_name]
_FIRST_FISCAL = _CODES.index("PRE_ACCEPTED")
SECURITY = _CODES[1:_FIRST_FISCAL]
FISCAL = _CODES[_FIRST_FISCAL:]
# Stable for so long means that nothing more is on its way.
_QUIET_SECONDS = 1.5


def run(
    data: Path,
    seed: int,
    items: int = ITEMS,
    shipments: int = SHIPMENTS,
    wait: float = WAIT_SECONDS,
    *,
    cluster: bool = False,
) -> int:
    """Run it in a data folder that is made anew, waiting so many seconds for decisions at most.

    In cluster mode with private nodes of PostgreSQL and RabbitMQ and a process for each service. Returns 0 only if all that was to be proven holds, else 2.
    """
    console = Console(highlight=False)
    settings = setting.load({}, data=data)
    made = traffic(seed, datetime.datetime.now(datetime.UTC).date(), items, shipments)
    began = time.monotonic()
    try:
        with _gateway(data, cluster=cluster) as (what, logged):
            console.print(f"{what} from {data}. Sending {items} postal items and {shipments} shipments ...")
            delivery, outcomes, releases = _send(console, settings, made, wait)
            console.print(f"All sent and answered after {time.monotonic() - began:.1f} s. Checking every answer ...")
            verdict = _prove(settings, delivery, made, outcomes, releases)
            files = proof.responses(verdict, settings.mailbox_root, logged)
    except (NotStartedError, EngineMissingError, NodeFailedError, NoGatewayError, RefusedError, TimeoutError) as error:
        console.print(f"[red]The demo could not run:[/red] {escape(str(error))}")
        return 2
    _show_decisions(console, made, outcomes, releases)
    _show_faults(console, outcomes.values(), delivery)
    _show_interchanges(console, delivery, made, outcomes)
    console.print("CUSRSP files by post:")
    for paths in files.values():
        console.print(f"  {len(paths):3} in {paths[0].parent}")
    if not cluster:
        console.print("\nLook at it: make up, then http://127.0.0.1:8080 with the key in build/demo/keys/integrator")
        console.print(
            "Hand in a file of your own meanwhile: parcelgate send FILE --as post-jp --wait --data build/demo"
        )
    console.print()
    for what, count in verdict.checked.items():
        console.print(f"  {count:6} x {what}")
    for wrong in verdict.broken[:20]:
        console.print(f"[red]does not hold:[/red] {escape(wrong)}")
    console.print(
        "[green]All of it holds.[/green]" if not verdict.broken else f"[red]{len(verdict.broken)} do not hold.[/red]"
    )
    return 2 if verdict.broken else 0


@contextmanager
def _gateway(data: Path, *, cluster: bool) -> Iterator[tuple[str, Logged]]:
    """Serve; yields what serves, and what reads its delivery logs."""
    if not cluster:
        with gateway(data):
            yield "The gateway serves", log.of_file(data / "parcelgate.sqlite")
        return
    from parcelgate.app.demo.cluster import cluster as serving

    with serving(data) as found:
        count = len(found.members)
        yield f"A cluster of {count} processes serves", log.of_database(found.environment["PARCELGATE_DATABASE_URL"])


def _send(
    console: Console, settings: Settings, made: Traffic, wait: float
) -> tuple[Delivery, dict[str, dict[str, Any]], dict[str, list[Release]]]:
    customs = Administration(settings.mailbox_root, "customs-nz", "nz-customs")
    with progress(console) as bar:
        posts = bar.add_task(
            "posts, by HTTP and mailbox", total=sum(len(one.interchange.samples) for one in made.handovers)
        )
        express = bar.add_task(
            "carriers, by gRPC and HTTP",
            total=sum(len(getattr(request, "shipments", ())) for _, request in made.requests),
        )
        waiting = bar.add_task("items decided", total=None)
        delivery = Delivery(settings, made, wait, lambda count: bar.advance(posts, count))
        delivery.posts()
        delivery.step_with(lambda count: bar.advance(express, count))
        delivery.carriers()
        end, quiet_since, before = time.monotonic() + wait, time.monotonic(), -1
        while True:
            customs.answer()
            outcomes = {
                receipt: delivery.client(name).outcome(receipt) for receipt, name in delivery.sent.partners.items()
            }
            releases = {carrier: delivery.decisions(carrier) for carrier in delivery.sent.results}
            now = sum(len(item["decisions"]) for one in outcomes.values() for item in one["items"])
            now += sum(map(len, releases.values()))
            bar.update(waiting, completed=now)
            if now != before:
                before, quiet_since = now, time.monotonic()
            if _all_decided(outcomes) and time.monotonic() - quiet_since > _QUIET_SECONDS:
                return delivery, outcomes, releases
            if time.monotonic() > end:
                return delivery, outcomes, releases
            time.sleep(0.3)


def _all_decided(outcomes: dict[str, dict[str, Any]]) -> bool:
    return all(
        one["state"] in ("ROUTED", "REJECTED")
        and all(item["decisions"] for item in one["items"] if item["status"] == "accepted")
        for one in outcomes.values()
    )


def _prove(
    settings: Settings,
    delivery: Delivery,
    made: Traffic,
    outcomes: dict[str, dict[str, Any]],
    releases: dict[str, list[Release]],
) -> proof.Proof:
    verdict = proof.Proof()
    proof.outcomes(verdict, outcomes)
    for carrier, results in delivery.sent.results.items():
        proof.shipments(verdict, results, releases[carrier])
    original = delivery.sent.receipts[made.resent.interchange.reference]
    verdict.hold("resend got the original answer", well=delivery.sent.again == original, otherwise=delivery.sent.again)
    spoilt = outcomes[delivery.sent.receipts[made.spoilt.interchange.reference]]
    verdict.hold(
        "spoilt interchange lost one item and no more",
        well=spoilt["counts"]["rejected"] >= 1 and spoilt["counts"]["accepted"] > 0,
        otherwise=str(spoilt["counts"]),
    )
    corrected = outcomes[delivery.sent.receipts[made.corrected.interchange.reference]]
    judged = [item for item in corrected["items"] if item["status"] == "accepted" and item["version"] >= 2]
    verdict.hold(
        "corrected items are judged anew",
        well=len(judged) == len(made.corrected.interchange.samples),
        otherwise=str(corrected["counts"]),
    )
    filed = list((settings.mailbox_root / "customs-nz" / "out").glob("*.xml"))
    verdict.hold("the customs mailbox got its CUSITM", well=bool(filed), otherwise="there is none")
    _prove_monitor(verdict, delivery, outcomes, releases)
    return verdict


def _prove_monitor(
    verdict: proof.Proof, delivery: Delivery, outcomes: dict[str, dict[str, Any]], releases: dict[str, list[Release]]
) -> None:
    """Check that the monitor knows every interchange, and the newest decision of the items asked for."""
    watcher = delivery.client("integrator")
    for receipt, outcome in outcomes.items():
        known = watcher.get(f"/api/interchanges/{receipt}")
        verdict.hold("monitor knows the interchange", well=known.is_success, otherwise=receipt)
        item = next((one for one in outcome["items"] if one["status"] == "accepted"), None)
        if item is not None:
            found = watcher.json("/api/find", q=item["identifier"])["items"]
            verdict.hold(
                "monitor finds the item decided", well=any(one["fiscal"] for one in found), otherwise=item["identifier"]
            )
    for carrier, found_releases in releases.items():
        verdict.hold("carrier got decisions", well=bool(found_releases), otherwise=carrier)


def _show_decisions(
    console: Console, made: Traffic, outcomes: dict[str, dict[str, Any]], releases: dict[str, list[Release]]
) -> None:
    destinations = {
        one.item.key.identifier: one.item.destination_country
        for handover in made.handovers
        for one in handover.interchange.samples
    }
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes.values():
        for item in outcome["items"]:
            for decision in item["decisions"]:
                counts[destinations.get(item["identifier"], "?"), decision["code"]] += 1
    shipped = {
        shipment.item.key.identifier: shipment.item.destination_country
        for _, request in made.requests
        for shipment in getattr(request, "shipments", ())
    }
    for found in releases.values():
        for release in found:
            destination = shipped.get(release.declaration.key.item.identifier, "?")
            counts[destination, DecisionCode.Name(release.decision.code).removeprefix("DECISION_CODE_")] += 1
    for axis, title in ((SECURITY, "Security decisions by destination"), (FISCAL, "Fiscal decisions by destination")):
        codes = [code for code in axis if any(code == one for _, one in counts)]
        table = Table("to", *(code.replace("_", " ").lower() for code in codes), title=title)
        for destination in sorted({place for place, code in counts if code in codes}):
            table.add_row(destination, *(str(counts[destination, code] or "") for code in codes))
        table.add_section()
        table.add_row("all", *(str(sum(n for (_, code), n in counts.items() if code == one)) for one in codes))
        console.print(table)


def _show_faults(console: Console, outcomes: Iterable[dict[str, Any]], delivery: Delivery) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for fault in [*outcome["faults"], *(fault for item in outcome["items"] for fault in item["faults"])]:
            counts[fault["severity"], fault["code"]] += 1
    for results in delivery.sent.results.values():
        for result in results:
            for one in result.faults:
                counts[{1: "notice", 2: "warning", 3: "error"}[one.severity], one.code] += 1
    table = Table("severity", "fault", "times", title="Faults")
    for (severity, code), count in sorted(counts.items(), key=lambda row: (row[0][0], -row[1])):
        table.add_row(severity, code, str(count))
    console.print(table)


def _show_interchanges(
    console: Console, delivery: Delivery, made: Traffic, outcomes: dict[str, dict[str, Any]]
) -> None:
    marks = {made.spoilt.interchange.reference: "partly malformed", made.resent.interchange.reference: "sent twice"}
    marks[made.corrected.interchange.reference] = "corrects earlier items"
    table = Table("reference", "state", "items", "accepted", "unchanged", "rejected", "", title="Interchanges")
    for reference, receipt in delivery.sent.receipts.items():
        outcome = outcomes[receipt]
        numbers = (str(outcome["counts"][name]) for name in ("items", "accepted", "unchanged", "rejected"))
        table.add_row(reference, outcome["state"], *numbers, marks.get(reference, ""))
    console.print(table)
