"""The house: rules that are not checked by a test do not exist."""

import ast
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from lists import documents

from parcelgate.adapters.store.sqlite import migration, statement
from parcelgate.app import topology
from parcelgate.core import failpoint
from parcelgate.core.fact import KINDS
from parcelgate.core.fault import catalogue

ROOT = Path(__file__).parents[2]
SOURCES = [path for path in (ROOT / "services").rglob("*.py") if "/api/" not in str(path)]
TEXTS = {path: path.read_text("utf-8") for path in SOURCES}
SERVICES = ("postal", "carrier", "router", "risk", "clearance", "monitor")


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_fresh(path):
    assert path.read_text("utf-8") == documents()[path], "run make lists"


def test_no_module_is_longer_than_four_hundred_lines():
    assert {str(path): text.count("\n") for path, text in TEXTS.items() if text.count("\n") > 400} == {}


def test_no_module_is_named_after_nothing():
    empty = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "base", "abstract", "impl"}
    assert [path for path in SOURCES if path.stem in empty] == []


def test_every_service_says_what_comes_in_what_goes_out_and_what_it_keeps():
    for name in SERVICES:
        text = TEXTS[ROOT / "services" / "parcelgate" / name / "__init__.py"]
        said = ast.get_docstring(ast.parse(text)).lower()
        assert all(word in said for word in ("in", "out", "keeps")), name
        assert (ROOT / "services" / "parcelgate" / name / "service.py").is_file()


def test_a_broad_except_stands_only_where_it_is_owned():
    broad = {
        "/".join(path.parts[-2:])
        for path, text in TEXTS.items()
        if re.search(r"except (Base)?Exception\b(?!Group)", text)
    }
    # The runner; what runs other people's jobs; the link to the broker, without which a process would be deaf; and the
    # two services where a fault of one item must not stop another.
    owned = {"core/runner.py", "sqlite/writer.py", "sqlite/migration.py", "embedded/bus.py", "postal/worker.py"}
    assert broad <= owned | {"rabbitmq/connection.py", "risk/service.py", "clearance/service.py"}


def test_every_code_of_a_fault_and_every_kind_of_fact_in_the_source_is_in_its_list():
    used = re.compile(r"\bfault\(\s*\"([A-Z0-9_]+)\"|\bfact\(\s*\"([a-z._]+)\"")
    for path, text in TEXTS.items():
        for code, kind in used.findall(text):
            assert not code or code in catalogue(), f"{path.name}: {code}"
            assert not kind or kind in KINDS, f"{path.name}: {kind}"


def test_every_fail_point_stands_in_the_source():
    everything = "\n".join(TEXTS.values())
    assert [point for point in failpoint.POINTS if f'pass_by("{point}")' not in everything] == []


def test_every_statement_is_explained_and_writes_only_its_own_schema(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    migration.migrate(connection)
    for name, text in statement.statements().items():
        schema = name.partition(".")[0]
        assert text.startswith("-- "), f"{name} has no line of explanation"
        places = re.findall(r"\?(\d*)", text)
        count = max(map(int, places)) if places and all(places) else len(places)
        connection.execute(f"EXPLAIN {text}", [None] * count) if ":" not in text else None
        written = re.findall(r"\b(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)", text)
        assert all(table.startswith(f"{schema}_") for table in written if table != "SET"), f"{name} writes {written}"
        read = re.findall(r"\b(?:FROM|JOIN)\s+([a-z]+_\w+)", text)
        foreign = [table for table in read if table.partition("_")[0] in set(SERVICES) - {schema}]
        assert foreign == [], f"{name} reads {foreign}"
    connection.close()


def test_every_statement_is_used():
    everything = "\n".join(TEXTS.values()) + (ROOT / "tests/contract/store_promises.py").read_text()
    assert [name for name in statement.statements() if f'"{name}"' not in everything] == []


def test_every_queue_belongs_to_a_service():
    assert {queue.consumer.partition(".")[0] for queue in topology.QUEUES} <= set(SERVICES)
    assert len({queue.name for queue in topology.QUEUES}) == len(topology.QUEUES)


def test_every_file_and_name_that_the_architecture_page_speaks_of_exists():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    spoken = re.findall(r"`([\w/.-]+\.(?:py|proto|toml|sql|xsd|md))(?:::([\w.]+))?`", page)
    assert len(spoken) >= 30
    for file, name in spoken:
        places = [ROOT / "services" / "parcelgate" / file, ROOT / file]
        found = next((place for place in places if place.is_file()), None)
        assert found is not None, f"{file} is not there"
        for part in filter(None, name.split(".")):
            assert re.search(
                rf"^\s*(?:async def|def|class|rpc|message) {part}\b|^{part}\b", found.read_text(), re.MULTILINE
            ), f"{file} has no {part}"


def test_nothing_generated_and_no_path_of_a_machine_is_in_git():
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    assert [file for file in files if re.search(r"_pb2|__pycache__|\.sqlite|/api/.*\.py$", file)] == []


def test_every_dependency_has_its_reason():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text("utf-8")
    names = [re.split(r"[><=]", one)[0] for one in project["dependencies"]]
    assert [name for name in names if name not in page] == []
