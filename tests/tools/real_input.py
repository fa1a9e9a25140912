"""Sends the rows of a published set of import declarations through a real gateway and says what became of them.

    python tests/tools/real_input.py PATH/valid.csv --year 2026 --data build/real

HS, origin, mass and price are the rows' own; parties and destination come from the sample generator; above 31.5 kg a row goes to
the carrier. The set is not part of the project: Customs Import Declaration Datasets (arXiv 2208.02484, MIT).
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from real_rows import present, read_samples

from parcelgate.api.carrier.v1.carrier_pb2 import Shipment, SubmitRequest, SubmitResponse
from parcelgate.app.client import Client
from parcelgate.app.demo.stage import Administration, gateway
from parcelgate.app.sample.interchange import canonical_json, declaration
from parcelgate.app.sampling import CARRIERS
from parcelgate.codecs import translate
from parcelgate.core import setting

PARTNER = "post-kr"
BATCH = 250


def main() -> int:
    """Run it; exit code 2 if the rows are not there, 1 if anything is left without an answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--year", type=int, default=2026)
    parser.add_argument("--data", type=Path, default=Path("build/real"))
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    if not present(chosen.rows):
        print(f"{chosen.rows} is not here: nothing was sent", file=sys.stderr)
        return 2
    samples = list(read_samples(chosen.rows, year=chosen.year))
    posts = [sample for channel, sample in samples if channel == "post"]
    express = [sample for channel, sample in samples if channel == "carrier"]
    settings = setting.load({}, data=chosen.data)
    with gateway(chosen.data), Client(settings, PARTNER) as post, Client(settings, CARRIERS[0]) as carrier:
        customs = Administration(settings.mailbox_root, "customs-nz", "nz-customs")
        threading.Thread(target=_answer_for_ever, args=(customs,), daemon=True).start()
        began = time.monotonic()
        receipts = [_hand_in(post, number, batch) for number, batch in enumerate(_batches(posts))]
        results = [one for number, batch in enumerate(_batches(express)) for one in _submit(carrier, number, batch)]
        outcomes = [post.wait(receipt, chosen.seconds) for receipt in receipts]
        releases = _pull(carrier, sum(one["outcome"] == "ACCEPTED" for one in results), chosen.seconds)
        seconds = time.monotonic() - began
    items = [item for outcome in outcomes for item in outcome["items"]]
    shown = {
        "rows": len(samples),
        "postal": len(posts),
        "express": len(express),
        "seconds": round(seconds, 1),
        "rows_a_second": round(len(samples) / seconds),
        "postal_status": Counter(item["status"] for item in items),
        "express_outcome": Counter(one["outcome"] for one in results),
        "faults": Counter(fault["code"] for one in [*items, *results] for fault in one.get("faults", ())),
        "decisions": Counter(code for item in items for code in (one["code"] for one in item["decisions"]))
        + Counter(one["release"]["decision"]["code"].removeprefix("DECISION_CODE_") for one in releases),
        "reasons": Counter(
            reason["code"] for item in items for one in item["decisions"] for reason in one.get("reasons", ())
        )
        + Counter(reason["code"] for one in releases for reason in one["release"]["decision"].get("reasons", ())),
        "findings": Counter(
            finding["rule"] for one in releases for finding in one["release"]["decision"].get("findings", ())
        ),
        "zero_mass": sum(not sample.item.gross_mass.milligrams for _, sample in samples),
    }
    print(json.dumps(shown, indent=1))
    unanswered = [item["identifier"] for item in items if item["status"] == "accepted" and not item["decisions"]]
    answered = {one["release"]["declaration"]["id"] for one in releases}
    unanswered += [
        one["item"] for one in results if one["outcome"] == "ACCEPTED" and one["declarationId"] not in answered
    ]
    if unanswered:
        print(f"{len(unanswered)} without an answer: {unanswered[:10]}", file=sys.stderr)
    return int(bool(unanswered))


def _answer_for_ever(customs: Administration) -> None:
    """Answer what is filed, as the administration with a mailbox would."""
    while True:
        customs.answer()
        time.sleep(0.2)


def _batches(samples):
    rest = iter(samples)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _hand_in(client: Client, number: int, batch) -> str:
    header = {"interchange_reference": f"REAL-{number:05}", "message_reference": "1", "items_count": len(batch)}
    header |= {"sender": PARTNER, "recipient": "PARCELGATE", "prepared_at": {"written": "2026-11-24T06:00:00Z"}}
    document = b"".join(translate.write("upu/cusitm/own-1", header, map(declaration, batch)))
    return client.post_bytes(f"real-{number:05}.xml", document)["receipt"]


def _submit(client: Client, number: int, batch) -> list[dict]:
    shipments = [Shipment(item=sample.item, flow=sample.flow) for sample in batch]
    request = SubmitRequest(request_id=f"real-input-{number:05}", shipments=shipments)
    answer = client.submit("/v1/shipments", canonical_json(request))
    assert len(answer["results"]) == len(batch), SubmitResponse
    return answer["results"]


def _pull(client: Client, accepted: int, seconds: float) -> list[dict]:
    """Read decisions until every accepted shipment has one."""
    end, token, found = time.monotonic() + seconds, "", []
    while len({one["release"]["declaration"]["id"] for one in found}) < accepted and time.monotonic() < end:
        page = client.json("/v1/decisions", resume_token=token, limit=500)
        found += page.get("releases", [])
        token = page.get("resumeToken", token)
        if not page.get("more"):
            time.sleep(0.2)
    return found


if __name__ == "__main__":
    sys.exit(main())
