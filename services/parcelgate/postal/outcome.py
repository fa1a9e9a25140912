"""The outcome of an interchange: what became of each item, as a page over HTTP or whole in the folder's result file."""

import json
from collections.abc import AsyncIterator
from typing import Any

from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.clock import iso
from parcelgate.core.credential import Identity
from parcelgate.core.door import fault_json
from parcelgate.core.fault import fault
from parcelgate.core.naming import DIGITS_OF_DECLARATION
from parcelgate.core.port import Store
from parcelgate.postal.delivery import decision_json
from parcelgate.postal.interchange import ENDED, Interchange, find, unpack_faults

PAGE = 250
MOST = 1000


class Outcomes:
    """Shows outcomes to those who may see them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def visible(self, caller: Identity, receipt: str) -> Interchange | None:
        """Return an interchange of the caller; None if there is none, or if it is somebody else's."""
        found = await find(self._store, receipt)
        if found is None or caller.sees_all:
            return found
        own = (found.partner, found.environment) == (caller.partner.id, caller.environment)
        return found if own else None

    async def page(self, interchange: Interchange, after: int, limit: int) -> dict[str, Any]:
        """Return the outcome with the items after a number, and a link to the next ones if there are more."""
        # The counts come first, so that the items never show less than was counted.
        head = await self._head(interchange)
        items = await self._items(interchange, after, limit)
        link = f"/v1/interchanges/{interchange.receipt}"
        links = {"self": f"{link}?after={after}&limit={limit}"}
        if len(items) == limit:
            links["next"] = f"{link}?after={items[-1]['number']}&limit={limit}"
        return {**head, "items": items, "links": links}

    async def whole(self, interchange: Interchange) -> AsyncIterator[bytes]:
        """Write the whole outcome, one page of items in memory at a time."""
        head = await self._head(interchange)
        head["links"] = {"self": f"/v1/interchanges/{interchange.receipt}"}
        yield json.dumps(head, ensure_ascii=False, indent=1)[:-2].encode() + b',\n "items": ['
        after, comma = 0, b"\n  "
        while items := await self._items(interchange, after, PAGE):
            yield b"".join(
                (comma if not number else b",\n  ") + json.dumps(one, ensure_ascii=False).encode()
                for number, one in enumerate(items)
            )
            after, comma = items[-1]["number"], b",\n  "
        yield b"\n ]\n}\n"

    async def _head(self, interchange: Interchange) -> dict[str, Any]:
        ((decided,),) = await self._store.read(
            "postal.decided", interchange.receipt, interchange.partner, interchange.environment
        )
        open_items = interchange.items - interchange.accepted - interchange.rejected - interchange.unchanged
        return {
            "receipt": interchange.receipt,
            "state": interchange.state,
            "name": interchange.name,
            "format": interchange.format,
            "reference": interchange.reference,
            "received_at": iso(interchange.received_at),
            "bytes": interchange.size,
            "counts": {
                "items": interchange.items,
                "accepted": interchange.accepted,
                "unchanged": interchange.unchanged,
                "rejected": interchange.rejected,
                "waiting": open_items,
                "decided": decided,
            },
            "faults": [fault_json(one) for one in unpack_faults(interchange.faults)],
            "ledger": json.loads(interchange.ledger) if interchange.ledger else {},
        }

    async def _items(self, interchange: Interchange, after: int, limit: int) -> list[dict[str, Any]]:
        if interchange.state == "RECEIVED":
            return []
        rows = await self._store.read("postal.items_shown", interchange.receipt, after, limit)
        if not rows:
            return []
        logged = await self._responses(interchange, [row[7] for row in rows])
        ended = interchange.state in ENDED
        # An unchanged item shows what was answered to the one that it repeats.
        return [_item(interchange, row, _decisions(logged.get((row[5], row[6]), [])), ended=ended) for row in rows]

    async def _responses(
        self, interchange: Interchange, declarations: list[str]
    ) -> dict[tuple[str, int], list[tuple[int, Release]]]:
        """Return when what was answered, by receipt and number of the item that brought the version."""
        beginnings = sorted({one[:DIGITS_OF_DECLARATION] for one in declarations if one})
        found: dict[tuple[str, int], list[tuple[int, Release]]] = {}
        for one in await self._store.responses(interchange.partner, interchange.environment, beginnings):
            if one.delivery.kind != "release":
                continue
            release = Release.FromString(one.delivery.body)
            origin = release.declaration.provenance
            made = release.decision.decided.utc_micros or one.at_micros
            found.setdefault((origin.receipt, origin.item_number), []).append((made, release))
        return found


def _decisions(logged: list[tuple[int, Release]]) -> list[Any]:
    """Show the decisions on an item, in the order in which they were made."""
    return [decision_json(one) for _, one in sorted(logged, key=lambda pair: (pair[0], pair[1].response_id))]


def _item(interchange: Interchange, row: tuple[Any, ...], decisions: list[Any], *, ended: bool) -> dict[str, Any]:
    number, identifier, status, version, packed, origin_receipt, origin_number, _ = row
    faults: list[Fault] = unpack_faults(packed)
    if status == "READ":
        status = "REJECTED" if ended else "WAITING"
        if ended:
            faults.append(fault("ITEM_NOT_PROCESSED", item=identifier, item_number=number))
    shown = {
        "number": number,
        "identifier": identifier,
        "status": status.lower(),
        "version": version,
        "faults": [fault_json(one) for one in faults],
        "decisions": decisions,
    }
    if (origin_receipt, origin_number) != (interchange.receipt, number):
        shown["first_declared"] = {"receipt": origin_receipt, "number": origin_number}
    return shown
