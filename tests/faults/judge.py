"""The judge: a program of its own that reads the clients' journal, what the receivers have, and the store.

    python judge.py DATA JOURNAL [--database DSN] [--seed SEED]

Without a database the store is the file of the gateway in DATA. The journal (load.py) has a line for each answer that a
client got, written after it: of an interchange, of shipments, of a response received; and a line for each hand-in whose
answer a client no longer waited for. Classes:

lost          accepted and without effect, or logged and not received
duplicated    one effect twice
unexpected    an effect of nothing that was handed in
out of order  received in another order than logged, or logged behind a response on the same case for a newer version
stuck         work left over
recovered     the client saw an error, and it was processed all the same; this is right, and counted

Prints the verdict. Exit code 0 if the first five are empty, else 1.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evidence import Evidence, PostgresEvidence, SqliteEvidence

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed, ItemRead
from parcelgate.core.partner import Partners

ENDED = ("ROUTED", "REJECTED")
WRONG = ("lost", "duplicated", "unexpected", "out of order", "stuck")
_SHOWN = 20


class Judge:
    """Compares what clients were told with what became of it."""

    def __init__(self, data: Path, journal: Path, store: Evidence) -> None:
        self._data = data
        self._store = store
        self._entries: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in journal.read_text("utf-8").splitlines():
            entry = json.loads(line)
            self._entries[entry["door"]].append(entry)
        self._log: dict[str, list[Release]] = {}
        self._declared: set[str] = set()
        self.wrong: dict[str, list[str]] = {name: [] for name in WRONG}
        self.counts: Counter[str] = Counter()

    def verdict(self) -> dict[str, Any]:
        """Look at everything once."""
        self._read_log()
        effects: Counter[tuple[str, int]] = Counter(
            (release.declaration.id, release.declaration.version) for log in self._log.values() for release in log
        )
        self._interchanges(effects)
        self._shipments(effects)
        for partner, releases in self._log.items():
            self._one_log(partner, releases)
        self._effects()
        self._files()
        self._received()
        self.wrong["stuck"] += [f"{count} {what}" for what, count in self._store.left().items()]
        self.counts["journal"] = sum(map(len, self._entries.values()))
        self.counts["responses"] = sum(map(len, self._log.values()))
        return {**self.wrong, "counts": dict(self.counts)}

    def _read_log(self) -> None:
        """Read the releases of every delivery log; a gap in the sequence is a loss of its own."""
        expected: Counter[tuple[str, str]] = Counter()
        for partner, environment, sequence, kind, body in self._store.rows("log"):
            log = self._log.setdefault(partner, [])
            expected[partner, environment] += 1
            if sequence != expected[partner, environment]:
                self.wrong["lost"].append(f"the log of {partner} has no {expected[partner, environment]}")
                expected[partner, environment] = sequence
            if kind == "release":
                log.append(Release.FromString(body))

    def _interchanges(self, effects: Counter[tuple[str, int]]) -> None:
        items = defaultdict(list)
        for receipt, *item in self._store.rows("items"):
            items[receipt].append(item)
        kept = {row[0]: row for row in self._store.rows("interchanges") if row[3] != "RECEIVING"}
        told = {entry["receipt"] for entry in self._entries["interchange"]}
        unsure = {(entry["partner"], entry["name"]) for entry in self._entries["unsure"]}
        # A wholly rejected interchange may be handed in again, so that an answer and its repetition have two receipts.
        meant = unsure | {(entry["partner"], entry["name"]) for entry in self._entries["interchange"]}
        self.wrong["lost"] += [f"interchange {receipt} is not in the store" for receipt in told - kept.keys()]
        for receipt, partner, name, state, count in kept.values():
            what = f"interchange {receipt} ({name} of {partner})"
            if (partner, name) not in meant:
                self.wrong["unexpected"].append(f"{what}: nobody handed it in")
            if state not in ENDED:
                self.wrong["lost"].append(f"{what}: left {state}")
                continue
            if len(items[receipt]) != count:
                self.wrong["lost"].append(f"{what}: {count} items counted, {len(items[receipt])} kept")
            for item in items[receipt]:
                self._item(what, state, item, effects)
        self.counts["items"] = sum(map(len, items.values()))
        self.counts["recovered"] += len(unsure & {(row[1], row[2]) for row in kept.values()})
        self.counts["recovered"] += sum(entry["repeated"] for entry in self._entries["interchange"])

    def _item(self, what: str, state: str, item: list[Any], effects: Counter[tuple[str, int]]) -> None:
        identifier, status, declaration, version, faults = item
        if status in ("ACCEPTED", "UNCHANGED"):
            self._declared.add(declaration)
        if status == "ACCEPTED" and not effects[declaration, version]:
            self.wrong["lost"].append(f"item {identifier} of {what}: accepted, no decision")
        elif status == "REJECTED" and not faults:
            self.wrong["lost"].append(f"item {identifier} of {what}: rejected without a fault")
        elif status not in ("ACCEPTED", "REJECTED", "UNCHANGED") and state == "ROUTED":
            self.wrong["lost"].append(f"item {identifier} of {what}: left {status}")

    def _shipments(self, effects: Counter[tuple[str, int]]) -> None:
        kept = set(self._store.rows("requests"))
        unsure = {(entry["partner"], entry["request"]) for entry in self._entries["unsure shipments"]}
        told = {(entry["partner"], entry["request"]) for entry in self._entries["shipments"]}
        self.wrong["lost"] += [f"request {one} is not in the store" for one in told - kept]
        self.wrong["unexpected"] += [f"request {one}: nobody handed it in" for one in kept - told - unsure]
        self.counts["recovered"] += len(unsure & kept)
        for entry in self._entries["shipments"]:
            self.counts["recovered"] += entry["repeated"]
            for result in entry["results"]:
                self.counts["shipments"] += 1
                if result["outcome"] == "ACCEPTED" and not effects[result["declaration_id"], int(result["version"])]:
                    self.wrong["lost"].append(f"shipment {result['item']}: accepted, no decision")
        for partner, declaration, version in self._store.rows("shipments"):
            self._declared.add(declaration)
            if not effects[declaration, version]:
                self.wrong["lost"].append(f"declaration {declaration} of {partner}: version {version} has no decision")

    def _one_log(self, partner: str, releases: list[Release]) -> None:
        """Look at a log: each response stands in it once, for something that was declared."""
        answers = Counter(release.response_id for release in releases)
        self.wrong["duplicated"] += [
            f"response {one} stands {count} times in the log of {partner}"
            for one, count in answers.items()
            if count > 1
        ]
        newest: dict[tuple[str, str], int] = {}
        for release in releases:
            declaration, version = release.declaration.id, release.declaration.version
            if declaration not in self._declared:
                self.wrong["unexpected"].append(f"the log of {partner} has {declaration}, which nobody declared")
            case = (declaration, release.decision.case.id)
            if version < newest.get(case, 0):
                self.wrong["out of order"].append(f"the log of {partner} has {case} of version {version} too late")
            newest[case] = max(version, newest.get(case, 0))

    def _effects(self) -> None:
        """Of one version there is one decision for each case and stage."""
        once = {release.response_id: release for log in self._log.values() for release in log}
        effects = Counter(
            (release.declaration.id, release.declaration.version, release.decision.case.id, release.decision.stage)
            for release in once.values()
        )
        self.wrong["duplicated"] += [
            f"{count} decisions for {effect}" for effect, count in effects.items() if count > 1
        ]

    def _files(self) -> None:
        """Compare what posts found in their folders, or took from a queue, with their logs: once each, in order."""
        for partner in Partners(self._data / "partners").all():
            if partner.queue:
                self._messages(partner.id)
            elif partner.mailbox and partner.kind == "POST":
                folder = self._data / "mailboxes" / partner.id / "out"
                documents = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.xml"))]
                self.counts["files"] += len(documents)
                self._documents(partner.id, documents, "file")

    def _messages(self, partner: str) -> None:
        """Compare what a post took from its queue; there a message may come again, whole and under the same id."""
        once: dict[str, bytes] = {}
        for entry in self._entries["message"]:
            if entry["partner"] == partner:
                document = Path(entry["file"]).read_bytes()
                self.counts["messages"] += 1
                self.counts["repeated messages"] += entry["id"] in once
                if once.setdefault(entry["id"], document) != document:
                    self.wrong["unexpected"].append(f"message {entry['id']} of {partner} came again with other content")
        self._documents(partner, sorted(once.items()), "message")

    def _documents(self, partner: str, documents: Iterable[tuple[str, bytes]], kind: str) -> None:
        log = [release.response_id for release in self._log.get(partner, ())]
        place = {response: number for number, response in enumerate(log)}
        seen: Counter[str] = Counter()
        for name, document in documents:
            events = list(translate.read([document], "upu/cusrsp/own-1"))
            closed = events[-1]
            if not isinstance(closed, Closed) or not closed.routable or closed.rejected:
                self.wrong["lost"].append(f"{kind} {name} of {partner} can't be read")
            answers = [Release.FromString(one.message).response_id for one in events if isinstance(one, ItemRead)]
            places = [place[one] for one in answers if one in place]
            if places != sorted(places):
                self.wrong["out of order"].append(f"{kind} {name} of {partner} is in another order than the log")
            seen.update(answers)
        self._compare(f"the {kind}s of {partner}", seen, place.keys())

    def _received(self) -> None:
        """Compare what carriers followed and pulled with their logs: each response once and in order."""
        received: defaultdict[str, list[str]] = defaultdict(list)
        for entry in self._entries["received"]:
            received[entry["partner"]].append(entry["response_id"])
        for partner in {entry["partner"] for entry in self._entries["shipments"]}:
            log = [release.response_id for release in self._log.get(partner, ())]
            seen = Counter(received[partner])
            self._compare(f"what {partner} received", seen, set(log))
            if seen.keys() == set(log) and max(seen.values(), default=1) == 1 and received[partner] != log:
                self.wrong["out of order"].append(f"{partner} received its responses in another order")

    def _compare(self, where: str, seen: Counter[str], logged: Iterable[str]) -> None:
        self.wrong["lost"] += [f"response {one} is not in {where}" for one in set(logged) - seen.keys()]
        self.wrong["unexpected"] += [f"response {one} is in {where}" for one in seen.keys() - set(logged)]
        self.wrong["duplicated"] += [
            f"response {one} is {count} times in {where}" for one, count in seen.items() if count > 1
        ]


def main() -> int:
    """Judge as a program."""
    parser = argparse.ArgumentParser(description="Judge a run of the gateway under faults.")
    parser.add_argument("data", type=Path)
    parser.add_argument("journal", type=Path)
    parser.add_argument("--database", default="", help="the cluster's database; without it the file in the data folder")
    parser.add_argument("--seed", default="", help="what the run was made from; printed with the verdict")
    given = parser.parse_args()
    store = PostgresEvidence(given.database) if given.database else SqliteEvidence(given.data / "parcelgate.sqlite")
    verdict = Judge(given.data, given.journal, store).verdict()
    found = {name: len(verdict[name]) for name in WRONG}
    shown = {name: verdict[name][:_SHOWN] for name in WRONG}
    print(json.dumps({"seed": given.seed, "found": found, **shown, "counts": verdict["counts"]}, indent=1))
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
