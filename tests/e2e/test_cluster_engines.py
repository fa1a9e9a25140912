"""A process of the cluster without its engines: alive, not ready, and back by itself; and doors that are shut in time."""

import json
import subprocess
import sys
import time

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.documents import documents
from parcelgate.app.demo.cluster import Member
from parcelgate.app.node.postgres import PostgresNode
from parcelgate.app.node.rabbitmq import RabbitNode
from parcelgate.core.credential import Credentials
from parcelgate.core.partner import Partners

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def engines():
    """Engines of these tests alone, which are stopped here."""
    with PostgresNode() as database, RabbitNode() as broker:
        yield database, broker


@pytest.fixture(scope="module")
def member(tmp_path_factory, engines):
    database, broker = engines
    environment = {
        "PARCELGATE_DATABASE_URL": database.create_database("waiting"),
        "PARCELGATE_BROKER_URL": broker.url,
        "PARCELGATE_MOST_INTERCHANGES": "0",
        "PARCELGATE_LOG_LEVEL": "warning",
    }
    found = Member(tmp_path_factory.mktemp("member"), "postal", 1, environment)
    found.run("migrate")
    found.start()
    found.wait()
    yield found
    found.stop()


def ready(member):
    return httpx.get(f"{member.http}/health/ready", timeout=5, trust_env=False)


def eventually(question):
    end = time.monotonic() + PATIENCE_SECONDS
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


def serving(member):
    with grpc.insecure_channel(member.grpc) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def doctor(member):
    """Return the doctor's checks; only one of the six services runs here, so that its exit code is 1."""
    command = [sys.executable, "-m", "parcelgate.app.command", "doctor", "--json", "--data", str(member.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return {one["what"]: one for one in json.loads(done.stdout)}


@pytest.mark.parametrize(("number", "missing"), [(0, ["database"]), (1, ["broker"])])
def test_a_process_without_an_engine_lives_is_not_ready_and_comes_back_by_itself(member, engines, number, missing):
    eventually(lambda: ready(member).status_code == 200 and serving(member))
    engines[number].stop()
    eventually(lambda: ready(member).status_code == 503)
    assert ready(member).json() == {"status": "waiting", "missing": missing}
    eventually(lambda: not serving(member))
    assert httpx.get(f"{member.http}/health/live", timeout=5, trust_env=False).status_code == 200
    engines[number].start()
    eventually(lambda: ready(member).status_code == 200 and serving(member))


def test_a_broker_short_of_memory_leaves_a_process_ready_and_readiness_and_doctor_warn_of_it(member, engines):
    """The doors go on and messages wait in the database, so nobody has to turn callers away."""
    _, broker = engines
    eventually(lambda: ready(member).status_code == 200)
    key = Credentials(member.data, Partners()).local_key("post-cn")
    (document,) = documents("post-cn", 1, 3, 91)
    broker.ctl("set_vm_memory_high_watermark", "0.00001")
    try:
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(
            f"{member.http}/v1/interchanges", content=document, headers=headers, timeout=30, trust_env=False
        )
        assert answer.status_code == 202, answer.text
        eventually(lambda: {"broker", "outbox"} <= set(ready(member).json().get("warnings", ())))
        assert ready(member).status_code == 200 and serving(member)
        checks = doctor(member)
        assert not checks["broker"]["well"] and "memory" in checks["broker"]["finding"]
        assert not checks["outbox"]["well"] and "messages wait" in checks["outbox"]["finding"]
        assert checks["unrouted"]["well"] and checks["dead messages"]["well"]
    finally:
        broker.ctl("set_vm_memory_high_watermark", "0.6")
    eventually(lambda: "warnings" not in ready(member).json())
    assert doctor(member)["outbox"]["well"]


def test_an_interchange_is_refused_for_now_while_the_database_is_away_and_taken_when_it_is_back(member, engines):
    database, _ = engines
    key = Credentials(member.data, Partners()).local_key("post-jp")

    def hand_in():
        return httpx.post(
            f"{member.http}/v1/interchanges",
            content=b"<CUSITM/>",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )

    database.stop()
    answer = hand_in()
    assert answer.status_code in (422, 503)
    database.start()
    eventually(lambda: ready(member).status_code == 200)
