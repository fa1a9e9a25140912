"""What the command line knows of a running gateway: a thin HTTP client with a local key."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

from parcelgate.app import topology
from parcelgate.app.running import Running, processes, running
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners
from parcelgate.core.setting import Settings

_PART = 256 * 1024


class NoGatewayError(Exception):
    """No gateway runs on this data folder."""


class RefusedError(Exception):
    """The gateway refused a request."""


class UnknownPartnerError(Exception):
    """There is no partner of that id."""


class Client:
    """Speaks for one partner to the gateway that runs on a data folder."""

    def __init__(self, settings: Settings, partner: str) -> None:
        gateway = running(settings.data)
        self._places = {one.service: one for one in reversed([gateway] if gateway else processes(settings.data))}
        if not self._places:
            raise NoGatewayError(
                f"no gateway runs on {settings.data}; start one with: parcelgate up --data {settings.data}"
            )
        try:
            key = Credentials(settings.data, Partners(settings.partners)).local_key(partner)
        except KeyError:
            raise UnknownPartnerError(f"there is no partner {partner}") from None
        self.key = key
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"}, timeout=httpx.Timeout(60), trust_env=False
        )

    def __enter__(self) -> Self:
        """Hold the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self._http.close()

    def where(self, service: str) -> Running:
        """Return a process that serves a service: the gateway, or one of the cluster's. Raises NoGatewayError."""
        place = self._places.get("gateway") or self._places.get(service)
        if place is None:
            raise NoGatewayError(f"no process of the cluster serves {service} now")
        return place

    def _url(self, path: str) -> str:
        return self.where(topology.door(path)).http + path

    def get(self, path: str, **query: str | int) -> httpx.Response:
        """Get a path."""
        return self._http.get(self._url(path), params=query)

    def post_file(self, path: Path) -> httpx.Response:
        """Hand in an interchange, streamed from its file (- is standard input)."""
        return self._http.post(
            self._url("/v1/interchanges"),
            content=_parts(path),
            headers={"Content-Type": "application/octet-stream", "Parcelgate-File-Name": path.name},
        )

    def json(self, path: str, **query: str | int) -> Any:
        """Get a JSON document; raises RefusedError with the gateway's own words."""
        return _answer(self.get(path, **query))

    def hand_in(self, path: Path) -> dict[str, Any]:
        """Hand in an interchange and return the receipt; raises RefusedError with the gateway's own words."""
        answer: dict[str, Any] = _answer(self.post_file(path))
        return answer

    def post(self, path: str) -> Any:
        """Ask for something to be done; raises RefusedError."""
        return _answer(self._http.post(self._url(path)))

    def post_bytes(self, name: str, document: bytes) -> dict[str, Any]:
        """Hand in an interchange from memory and return the receipt; raises RefusedError."""
        headers = {"Content-Type": "application/xml", "Parcelgate-File-Name": name}
        answer: dict[str, Any] = _answer(
            self._http.post(self._url("/v1/interchanges"), content=document, headers=headers)
        )
        return answer

    def submit(self, path: str, request: bytes) -> dict[str, Any]:
        """Post a carrier's request in canonical JSON; raises RefusedError."""
        answer: dict[str, Any] = _answer(
            self._http.post(self._url(path), content=request, headers={"Content-Type": "application/json"})
        )
        return answer

    def outcome(self, receipt: str) -> dict[str, Any]:
        """Return the whole outcome of an interchange, all pages together."""
        first: dict[str, Any] = self.json(f"/v1/interchanges/{receipt}", limit=1000)
        following = first["links"].pop("next", None)
        while following:
            page = self.json(following)
            first["items"].extend(page["items"])
            following = page["links"].get("next")
        return first

    def wait(self, receipt: str, seconds: float) -> dict[str, Any]:
        """Wait until an interchange is decided as a whole; returns what is known when the time is up."""
        end = time.monotonic() + seconds
        while True:
            counts = (short := self.json(f"/v1/interchanges/{receipt}", limit=1))["counts"]
            decided = short["state"] == "REJECTED" or (
                short["state"] == "ROUTED" and counts["decided"] >= counts["accepted"]
            )
            if decided or time.monotonic() > end:
                return self.outcome(receipt)
            time.sleep(0.1)


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    try:
        faults = response.json()["faults"]
    except (ValueError, KeyError):
        raise RefusedError(f"the gateway answered {response.status_code}") from None
    raise RefusedError("; ".join(f"{fault['code']}: {fault['sentence']} {fault['hint']}" for fault in faults))


def _parts(path: Path) -> Iterator[bytes]:
    if str(path) == "-":
        while part := sys.stdin.buffer.read(_PART):
            yield part
        return
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part
