"""A full disk: the gateway says so, loses nothing that it had accepted, and goes on when there is room again.

The disk is full by a limit on the size of files, which works for everybody, and, where that may be done, by a small file
system of its own.
"""

import contextlib
import resource
import subprocess
import tempfile
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson

from nasty_partner import Gateway, Writer, shipments, wait

MEBIBYTE = 2**20
PARTNERS = ("post-jp", "post-kr", "carrier-swift", "integrator")


class FileLimit:
    """No file of the gateway may grow beyond what the store has now and 3 MiB more."""

    def __init__(self, folder):
        self.folder = folder

    def fill_soon(self, gateway):
        most = sum(path.stat().st_size for path in gateway.data.glob("parcelgate.sqlite*")) + 3 * MEBIBYTE
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def make_room(self, gateway):
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        """Leave nothing."""


class SmallFileSystem:
    """A file system of 12 MiB."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=True, capture_output=True
        )

    def fill_soon(self, gateway):
        """It is small enough as it is."""

    def make_room(self, gateway):
        subprocess.run(["mount", "-o", "remount,size=200m", str(self.folder)], check=True, capture_output=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=True, capture_output=True)


def mounting_is_allowed():
    with tempfile.TemporaryDirectory() as folder:
        try:
            SmallFileSystem(Path(folder)).close()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


@pytest.mark.parametrize("kind", [FileLimit, *([SmallFileSystem] if mounting_is_allowed() else [])])
def test_a_full_disk_is_said_loses_nothing_and_is_over_when_there_is_room(tmp_path, kind):
    disk = kind(tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(disk.close)
        gateway = Gateway(tmp_path)
        stack.callback(gateway.close)
        # Keys that are issued on a full disk are another matter.
        assert all(gateway.key(partner) for partner in PARTNERS)
        writer = Writer("post-jp", 50_000)
        comment = b"<!--" + b"fill" * 60_000 + b"--><Trailer>"
        disk.fill_soon(gateway)
        accepted, refused = [], None
        while refused is None:
            answer = gateway.ask("POST", "/v1/interchanges", "post-jp", writer.write(2).replace(b"<Trailer>", comment))
            if answer.status_code == 202:
                accepted.append(answer.json()["receipt"])
                assert len(accepted) < 500
            else:
                refused = answer
        # Whatever room is left is taken, so that even small things find none.
        for _ in range(200):
            small = gateway.ask("POST", "/v1/interchanges", "post-jp", writer.write(1))
            if small.status_code != 202:
                break
            accepted.append(small.json()["receipt"])
        request = MessageToJson(shipments(50, 40_000))
        for answer in (refused, small, gateway.submit(request)):
            (fault,) = answer.json()["faults"]
            assert (answer.status_code, fault["code"]) == (503, "STORE_FULL"), answer.text
            assert int(answer.headers["retry-after"]) > 0 and "Retry-After" in fault["hint"]
        # Looking still works, and the gateway stays.
        assert gateway.get("/api/overview", "integrator").status_code == 200
        assert gateway.get(f"/v1/interchanges/{accepted[0]}", "post-jp").status_code == 200
        assert gateway.process.alive
        disk.make_room(gateway)
        for receipt in accepted:
            outcome = gateway.ended(receipt, "post-jp")
            counts = outcome["counts"]
            assert (outcome["state"], counts["accepted"], counts["decided"]) == (
                "ROUTED",
                counts["items"],
                counts["items"],
            )
        again = gateway.submit(request)
        assert again.status_code == 200 and {one["outcome"] for one in again.json()["results"]} == {"ACCEPTED"}
        with gateway.beside(Writer("post-kr", 60_000)):
            pass
        wait(lambda: list((gateway.mailbox("post-jp") / "out").glob("*.xml")))
        assert gateway.get("/api/dead", "integrator").json() == {"dead": []}
        assert gateway.rows("SELECT count(*) FROM postal_item WHERE status = 'ACCEPTED'")[0][0] >= len(accepted)
