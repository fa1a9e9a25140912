"""A process of risk or clearance that is asked over gRPC, as a cluster's router asks: CPU of the whole process, an item."""

import asyncio
import os
import subprocess
import sys
import time

import grpc.aio
import psutil
from stage import ROOT, folder

from parcelgate.app.running import Running, processes
from parcelgate.app.wire import LIMITS
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

_START_SECONDS = 60
_AT_ONCE = 4


def micros(service: str, method: str, request: bytes, items: int, *, calls: int = 80, rounds: int = 5) -> float:
    """Ask a process of the service (risk, clearance) a request of so many items again and again; the best of the rounds."""
    data = folder(service)
    command = [sys.executable, "-m", "parcelgate.app.command", "run", service, "--data", str(data)]
    paths = os.pathsep.join([str(ROOT / "services"), *sys.path])
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--http-port", "0", "--grpc-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": paths, "PARCELGATE_LOG_LEVEL": "warning"},
        )
    try:
        where = _started(process, data)
        key = Credentials(data, Partners()).local_key("gateway")
        return asyncio.run(_ask(where, f"Bearer {key}", method, request, calls, rounds)) / items
    finally:
        process.terminate()
        process.wait(30)


def _started(process: "subprocess.Popen[bytes]", data: "os.PathLike[str]") -> Running:
    end = time.monotonic() + _START_SECONDS
    while not (found := processes(data)):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError((data / "log").read_text()[-3000:])
        time.sleep(0.02)
    return found[0]


async def _ask(where: Running, authorization: str, method: str, request: bytes, calls: int, rounds: int) -> float:
    """Return CPU microseconds a call."""
    process = psutil.Process(where.pid)
    async with grpc.aio.insecure_channel(where.grpc, options=LIMITS) as channel:
        ask = channel.unary_unary(method, None, None)

        async def some() -> None:
            for _ in range(calls // _AT_ONCE):
                await ask(request, metadata=(("authorization", authorization),), timeout=60)

        found = []
        # The first round fills what is kept.
        for _ in range(rounds + 1):
            before = sum(process.cpu_times()[:2])
            await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
            found.append(sum(process.cpu_times()[:2]) - before)
    return min(found[1:]) / (calls // _AT_ONCE * _AT_ONCE) * 1e6
