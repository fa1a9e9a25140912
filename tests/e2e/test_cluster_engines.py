"""A process of the cluster without its engines: alive, not ready, and back by itself; and doors that are shut in time."""

import time

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

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
