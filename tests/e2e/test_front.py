"""A cluster behind the proxy of the deployment: one address for HTTP and one for gRPC, whatever process answers."""

import datetime
import secrets
import time

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.documents import documents
from front import front
from parcelgate.api.carrier.v1.carrier_pb2 import FollowRequest, SubmitRequest
from parcelgate.api.carrier.v1.carrier_pb2_grpc import CarrierServiceStub, DecisionServiceStub
from parcelgate.api.intake.v1.intake_pb2 import ReportRequest
from parcelgate.api.intake.v1.intake_pb2_grpc import DecisionIntakeStub
from parcelgate.api.tracking.v1.tracking_pb2 import FindRequest
from parcelgate.api.tracking.v1.tracking_pb2_grpc import TrackingServiceStub
from parcelgate.app.demo.cluster import Cluster
from parcelgate.app.sampling import express
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

CARRIER, POST = "carrier-orbit", "post-cn"
DAY = datetime.date(2026, 9, 21)
PATIENCE_SECONDS = 60


class Front:
    """The proxy, and who calls through it."""

    def __init__(self, cluster, http, grpc_address):
        self.cluster = cluster
        self.http = http
        self.grpc = grpc_address

    def key(self, partner):
        return Credentials(self.cluster.data, Partners()).local_key(partner)

    def call(self, method, path, partner, **more):
        headers = {"Authorization": f"Bearer {self.key(partner)}"}
        return httpx.request(method, self.http + path, headers=headers, timeout=60, trust_env=False, **more)

    def metadata(self, partner):
        return (("authorization", f"Bearer {self.key(partner)}"),)


@pytest.fixture(scope="module")
def door(tmp_path_factory, postgres_node, rabbit_node):
    folder = tmp_path_factory.mktemp("front")
    cluster = Cluster(
        folder / "data", postgres_node.create_database(), rabbit_node.add_vhost(), PARCELGATE_LOG_LEVEL="warning"
    )
    try:
        cluster.start()
        with front(folder / "nginx", cluster) as (http, grpc_address):
            yield Front(cluster, http, grpc_address)
    finally:
        cluster.stop()


def shipments(seed, count):
    found = [
        shipment
        for _, request in express(seed, count * 3, DAY)
        if isinstance(request, SubmitRequest)
        for shipment in request.shipments
    ]
    return found[:count]


def test_an_interchange_goes_in_by_postal_and_the_page_and_the_outcome_show_it(door):
    (document,) = documents(POST, 1, 300, 81)
    answer = door.call("POST", "/v1/interchanges", POST, content=document)
    assert answer.status_code == 202, answer.text
    receipt, end = answer.json()["receipt"], time.monotonic() + PATIENCE_SECONDS
    while True:
        outcome = door.call("GET", f"/v1/interchanges/{receipt}", POST, params={"limit": 1}).json()
        if outcome["state"] == "ROUTED" and outcome["counts"]["decided"] >= outcome["counts"]["accepted"] > 0:
            break
        assert time.monotonic() < end, outcome
        time.sleep(0.1)
    assert door.call("GET", "/v1/responses", POST).status_code == 200
    page = door.call("GET", "/", "integrator")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert door.call("GET", "/api/overview", "integrator").status_code == 200
    assert door.call("GET", "/v1/openapi.json", CARRIER).json()["openapi"]


def test_a_large_interchange_flows_through_without_being_kept_on_the_way(door):
    body = b"<CUSITM>" + b" " * 8_000_000
    assert door.call("POST", "/v1/interchanges", POST, content=body).status_code in (202, 422)
    spooled = [path for path in (door.cluster.data.parent / "nginx").rglob("*") if path.is_file()]
    assert {path.name for path in spooled} <= {"nginx.conf", "output.log", "nginx.pid"}


def test_every_grpc_service_is_reached_and_a_stream_brings_decisions_as_they_come(door):
    with grpc.insecure_channel(door.grpc) as channel:
        follow = DecisionServiceStub(channel).Follow(
            FollowRequest(), metadata=door.metadata(CARRIER), timeout=PATIENCE_SECONDS
        )
        answer = CarrierServiceStub(channel).Submit(
            SubmitRequest(request_id=f"req-{secrets.token_hex(8)}", shipments=shipments(82, 5)),
            metadata=door.metadata(CARRIER),
            timeout=30,
        )
        wanted = {one.declaration_id for one in answer.results if one.declaration_id}
        assert wanted
        for one in follow:
            wanted.discard(one.release.declaration.id)
            if not wanted:
                break
        follow.cancel()
        found = TrackingServiceStub(channel).Find(
            FindRequest(query="RA123456785CN"), metadata=door.metadata("integrator"), timeout=30
        )
        assert found is not None
        with pytest.raises(grpc.RpcError) as refused:
            DecisionIntakeStub(channel).Report(ReportRequest(), metadata=door.metadata(CARRIER), timeout=30)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


def test_a_service_of_which_no_process_runs_is_refused_for_now_in_words(door):
    (member,) = door.cluster.of("postal")
    member.stop()
    try:
        answer = door.call("POST", "/v1/interchanges", POST, content=b"<CUSITM/>")
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
        assert answer.json()["faults"][0]["code"] == "SERVICE_AWAY"
        assert door.call("GET", "/api/overview", "integrator").status_code == 200
    finally:
        member.start()
        member.wait()
    end = time.monotonic() + PATIENCE_SECONDS
    while door.call("GET", "/v1/responses", POST).status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
