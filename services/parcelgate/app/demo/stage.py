"""The stage of the demo: a gateway in a process of its own, and an administration that answers by mailbox."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from parcelgate.api.record.v1.decision_pb2 import (
    DECISION_CODE_EXAMINE,
    DECISION_CODE_RELEASED,
    STAGE_ADVANCE,
    Decision,
    Reason,
    Release,
)
from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, Case, Declaration
from parcelgate.app.running import Running, running
from parcelgate.codecs import translate
from parcelgate.codecs.event import Header, ItemRead
from parcelgate.core.naming import derived_id

_START_SECONDS = 60
_STOP_SECONDS = 15
_EVERY_EXAMINED = 7


class NotStartedError(Exception):
    """The gateway of the demo did not start; the sentence says where its log lies."""


@contextmanager
def gateway(data: Path) -> Iterator[Running]:
    """Run a gateway on a new data folder, on free ports; it is stopped in order at the end.

    Raises NotStartedError with the log if it does not serve within a minute.
    """
    if running(data) is not None:
        raise NotStartedError(f"a gateway runs on {data}; stop it first, or choose another folder with --data")
    with suppress(FileNotFoundError):
        shutil.rmtree(data)
    data.mkdir(parents=True)
    log = data / "gateway.log"
    command = [sys.executable, "-m", "parcelgate.app.command", "up", "--data", str(data)]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--http-port", "0", "--grpc-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PARCELGATE_DATA": str(data)},
        )
    try:
        yield _wait(process, data, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> Running:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        where = running(data)
        if where is not None and where.pid == process.pid:
            return where
        time.sleep(0.05)
    last = log.read_text("utf-8", "replace").splitlines()[-1:] or ["it said nothing"]
    raise NotStartedError(f"the gateway did not start ({last[0][:300]}); its log is {log}")


class Administration:
    """A customs administration with a mailbox: takes CUSITM out, puts CUSRSP in, examines every seventh item."""

    def __init__(self, mailboxes: Path, partner: str, authority: str) -> None:
        self._in = mailboxes / partner / "in"
        self._out = mailboxes / partner / "out"
        self._authority = authority
        self._answered: set[str] = set()
        self.items = 0

    def answer(self) -> None:
        """Answer what was filed since the last call, one CUSRSP for each CUSITM."""
        for path in sorted(self._out.glob("*.xml")):
            if path.name not in self._answered:
                self._in.mkdir(parents=True, exist_ok=True)
                half = self._in / f"answer-{path.name}.tmp"
                half.write_bytes(b"".join(self._responses(path)))
                half.rename(half.with_suffix(""))
                self._answered.add(path.name)

    def _responses(self, path: Path) -> Iterator[bytes]:
        events = list(translate.read([path.read_bytes()], "upu/cusitm/own-1"))
        header = next(dict(event.values) for event in events if isinstance(event, Header))
        read = [event for event in events if isinstance(event, ItemRead) and event.accepted]
        self.items += len(read)
        answer = {
            "interchange_reference": f"ANSWER-{header['interchange_reference']}",
            "message_reference": "1",
            "sender": self._authority,
            "recipient": "parcelgate",
            "prepared_at": header["prepared_at"],
            "test_indicator": True,
        }
        releases = [self._decide(Declaration.FromString(event.message)) for event in read]
        return translate.write("upu/cusrsp/own-1", answer, releases)

    def _decide(self, declaration: Declaration) -> Release:
        key = declaration.key.item
        examined = sum(map(ord, key.identifier)) % _EVERY_EXAMINED == 0
        decision = Decision(
            id=derived_id("demonstration", self._authority, key.identifier, key.posting_date, declaration.version),
            case=Case(
                declaration_id=declaration.id,
                authority=self._authority,
                procedure=PROCEDURE_IMPORT,
                version=declaration.version,
            ),
            judged_version=declaration.version,
            stage=STAGE_ADVANCE,
            code=DECISION_CODE_EXAMINE if examined else DECISION_CODE_RELEASED,
            reasons=[Reason(code="SELECTED", sentence="Selected for examination on arrival.")] if examined else [],
        )
        about = Declaration(id=declaration.id, key=declaration.key, version=declaration.version)
        return Release(response_id=decision.id, declaration=about, decision=decision)
