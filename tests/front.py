"""A real nginx before a cluster, with the configuration that the deployment has, but for the addresses."""

import os
import socket
import subprocess
import time
from contextlib import contextmanager

from parcelgate.app import proxy
from parcelgate.app.node import engine

_START_SECONDS = 20


@contextmanager
def front(folder, cluster):
    """Serve the cluster at one HTTP and one gRPC port; gives both addresses."""
    folder.mkdir()
    http_port, grpc_port = engine.free_port(), engine.free_port()
    http = {name: [f"127.0.0.1:{one.http_port}" for one in cluster.of(name)] for name in proxy.BEHIND}
    grpc = {name: [one.grpc for one in cluster.of(name)] for name in proxy.BEHIND}
    conf = folder / "nginx.conf"
    conf.write_text(
        proxy.nginx(http, grpc, http_port=http_port, grpc_port=grpc_port, listen="127.0.0.1", folder=str(folder))
    )
    # Workers of a root process would be nobody, who may not enter the folder of a test.
    own = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(
            [engine.tool("nginx"), "-p", folder, "-e", "stderr", "-c", conf, "-g", own],
            env=engine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(process, (http_port, grpc_port), folder / "output.log")
        yield f"http://127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process, ports, log):
    end = time.monotonic() + _START_SECONDS
    for port in ports:
        while True:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
