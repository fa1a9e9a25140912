"""The judge: a program of its own that reads the clients' journal, the receivers' files and the store.

    python judge.py DATA JOURNAL

The journal has a line for each answer that a client got: {"door": "interchange", "partner", "receipt"} or {"door": "shipments",
"partner", "results": [...]}, and for each release a carrier received: {"door": "received", "partner", "response_id", ...}.
Verdict: lost (accepted, but no effect), duplicated (one effect twice), unexpected (an effect of nothing known), stuck (work
left). Exit code 0 only if all are empty.
"""

import json
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.core.partner import Partners

ENDED = ("ROUTED", "REJECTED")


def judge(data: Path, journal: Path) -> dict[str, Any]:
    """Return the verdict."""
    store = sqlite3.connect(f"file:{data / 'parcelgate.sqlite'}?mode=ro", uri=True)
    entries = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    logged = _logged(store)
    verdict: dict[str, Any] = {"lost": [], "duplicated": [], "unexpected": [], "stuck": [], "counts": {}}
    _interchanges(store, entries, logged, verdict)
    _shipments(entries, logged, verdict)
    _log(logged, verdict)
    _files(data, logged, verdict)
    _received(entries, logged, verdict)
    _left_over(store, verdict)
    verdict["counts"] |= {"journal": len(entries), "responses": sum(map(len, logged.values()))}
    return verdict


def _logged(store: sqlite3.Connection) -> dict[str, list[Release]]:
    """Read the releases of every partner's delivery log; a gap in the sequence is a loss of its own."""
    found: dict[str, list[Release]] = {}
    for partner, sequence, kind, body in store.execute(
        "SELECT partner, sequence, kind, body FROM delivery_log ORDER BY partner, sequence"
    ):
        entries = found.setdefault(partner, [])
        if kind == "release":
            release = Release.FromString(body)
            assert sequence > 0
            entries.append(release)
    return found


def _effects(logged: dict[str, list[Release]]) -> dict[tuple[str, int], list[Release]]:
    found: dict[tuple[str, int], list[Release]] = {}
    for releases in logged.values():
        for release in releases:
            found.setdefault((release.declaration.id, release.declaration.version), []).append(release)
    return found


def _interchanges(
    store: sqlite3.Connection, entries: list[Any], logged: dict[str, list[Release]], verdict: Any
) -> None:
    effects = _effects(logged)
    items = 0
    for receipt in {entry["receipt"] for entry in entries if entry["door"] == "interchange"}:
        row = store.execute("SELECT state, items FROM postal_interchange WHERE receipt = ?", (receipt,)).fetchone()
        if row is None or row[0] not in ENDED:
            verdict["lost"].append(f"interchange {receipt}: {row}")
            continue
        rows = store.execute(
            "SELECT identifier, status, declaration_id, version, faults FROM postal_item WHERE receipt = ?", (receipt,)
        ).fetchall()
        items += len(rows)
        if len(rows) != row[1]:
            verdict["lost"].append(f"interchange {receipt}: {row[1]} items counted, {len(rows)} kept")
        for identifier, status, declaration, version, faults in rows:
            if status == "ACCEPTED" and not effects.get((declaration, version)):
                verdict["lost"].append(f"item {identifier} of {receipt}: accepted, no decision")
            elif status == "REJECTED" and not faults:
                verdict["lost"].append(f"item {identifier} of {receipt}: rejected without a fault")
            elif status not in ("ACCEPTED", "REJECTED", "UNCHANGED") and row[0] == "ROUTED":
                verdict["lost"].append(f"item {identifier} of {receipt}: left {status}")
    verdict["counts"]["items"] = items


def _shipments(entries: list[Any], logged: dict[str, list[Release]], verdict: Any) -> None:
    effects = _effects(logged)
    for entry in entries:
        for result in entry.get("results", ()):
            known = effects.get((result.get("declaration_id", ""), int(result.get("version", 0))))
            if result["outcome"] == "ACCEPTED" and not known:
                verdict["lost"].append(f"shipment {result['item']}: accepted, no decision")


def _log(logged: dict[str, list[Release]], verdict: Any) -> None:
    """One version has one decision for each case and stage, and one response for each decision."""
    for partner, releases in logged.items():
        answers = Counter(release.response_id for release in releases)
        verdict["duplicated"] += [
            f"response {one} stands {n} times in the log of {partner}" for one, n in answers.items() if n > 1
        ]
    effects = Counter(
        (release.declaration.id, release.declaration.version, release.decision.case.id, release.decision.stage)
        for releases in logged.values()
        for release in {release.response_id: release for release in releases}.values()
    )
    verdict["duplicated"] += [f"{n} decisions for {effect}" for effect, n in effects.items() if n > 1]


def _files(data: Path, logged: dict[str, list[Release]], verdict: Any) -> None:
    """What posts found in their folders is what stands in their logs, each response once."""
    files = 0
    for partner in Partners().all():
        if not partner.mailbox or partner.kind != "POST":
            continue
        seen: Counter[str] = Counter()
        for path in sorted((data / "mailboxes" / partner.id / "out").glob("*.xml")):
            files += 1
            events = list(translate.read([path.read_bytes()], "upu/cusrsp/own-1"))
            closed = events[-1]
            if not isinstance(closed, Closed) or not closed.routable or closed.rejected:
                verdict["lost"].append(f"file {path.name} can't be read")
            seen.update(
                Release.FromString(event.message).response_id for event in events if isinstance(event, ItemRead)
            )
        expected = {release.response_id for release in logged.get(partner.id, ())}
        verdict["lost"] += [f"response {one} is in no file of {partner.id}" for one in expected - seen.keys()]
        verdict["unexpected"] += [f"a file of {partner.id} has response {one}" for one in seen.keys() - expected]
        verdict["duplicated"] += [
            f"response {one} is {n} times in files of {partner.id}" for one, n in seen.items() if n > 1
        ]
    verdict["counts"]["files"] = files


def _received(entries: list[Any], logged: dict[str, list[Release]], verdict: Any) -> None:
    """What a carrier followed with its resume token is its log, each response once and in order."""
    by_partner: dict[str, list[str]] = {}
    for entry in entries:
        if entry["door"] == "received":
            by_partner.setdefault(entry["partner"], []).append(entry["response_id"])
    for partner in {entry["partner"] for entry in entries if entry["door"] == "shipments"}:
        received, expected = by_partner.get(partner, []), [release.response_id for release in logged.get(partner, ())]
        verdict["lost"] += [f"{partner} did not receive {one}" for one in set(expected) - set(received)]
        verdict["unexpected"] += [f"{partner} received {one}" for one in set(received) - set(expected)]
        verdict["duplicated"] += [
            f"{partner} received {one} {n} times" for one, n in Counter(received).items() if n > 1
        ]
        if not verdict["duplicated"] and set(received) == set(expected) and received != expected:
            verdict["unexpected"].append(f"{partner} received its responses in another order")


def _left_over(store: sqlite3.Connection, verdict: Any) -> None:
    for table in ("outbox", "bus_message", "retry", "dead_letter"):
        ((count,),) = store.execute(f"SELECT count(*) FROM {table}").fetchall()
        if count:
            verdict["stuck"].append(f"{count} rows in {table}")
    for partner, last, count in store.execute(
        "SELECT partner, max(sequence), count(*) FROM delivery_log GROUP BY partner, environment"
    ):
        if last != count:
            verdict["lost"].append(f"the log of {partner} ends at {last} and has {count} rows")


if __name__ == "__main__":
    result = judge(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(result, indent=1))
    sys.exit(int(any(result[name] for name in ("lost", "duplicated", "unexpected", "stuck"))))
