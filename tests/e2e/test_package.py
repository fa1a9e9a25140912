"""The package: a wheel made from the sdist, and an editable install, both work from an empty directory.

Libraries are taken from the environment of the tests, so nothing is downloaded; parcelgate itself is installed anew.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from parcelgate.core.fault import catalogue

ROOT = Path(__file__).parents[2]
INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
SNIPPET = """
import json, parcelgate
from parcelgate.api.carrier.v1 import carrier_pb2_grpc
from parcelgate.api.record.v1.item_pb2 import Item
from parcelgate.core import fault, resource
assert Item(key={"identifier": "RX123456785GB"}).ByteSize() and carrier_pb2_grpc.CarrierServiceStub
print(json.dumps({
    "package": parcelgate.__file__,
    "faults": sorted(fault.catalogue()),
    "places": [str(resource.schemas()), str(resource.contracts())],
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command as a stranger's shell would, without the settings of the tests; return its standard output."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PARCELGATE_", "PYTEST_", "COV_", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def environment(folder: Path) -> Path:
    """Make an environment that sees the libraries of this one, but not its parcelgate; return its folder of commands."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / "bin"


def pip(commands: Path, *arguments: str | Path, cwd: Path) -> None:
    """Run this environment's pip for another environment."""
    # A pip that finds an equal version among the libraries would try to remove that one; it is to leave it alone.
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        commands / "python",
        *INSTALL,
        "--ignore-installed",
        *arguments,
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make the sdist from the repository, and the wheel from the sdist alone."""
    folder = tmp_path_factory.mktemp("made")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    run(*build, "--sdist", ROOT, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    run(*build, "--wheel", folder / sdist.name.removesuffix(".tar.gz"), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(made, tmp_path_factory):
    """Install the wheel elsewhere; return the folder of its commands."""
    folder = tmp_path_factory.mktemp("installed")
    commands = environment(folder / "venv")
    pip(commands, made[1], cwd=folder)
    return commands


def works_from(commands: Path, empty: Path) -> dict:
    """Run what needs no gateway from an empty directory; return what the snippet found."""
    parcelgate = commands / "parcelgate"
    assert "validate" in run(parcelgate, "--help", cwd=empty)
    formats = {row["id"] for row in json.loads(run(parcelgate, "formats", "--json", cwd=empty))}
    assert formats == {
        str(path.parent.relative_to(ROOT / "schemas")) for path in (ROOT / "schemas").rglob("format.toml")
    }
    assert list(empty.iterdir()) == []
    run(parcelgate, "sample", "traffic", "--items", "4", "--shipments", "1", cwd=empty)
    document = min((empty / "traffic").rglob("*.xml"))
    said = json.loads(run(parcelgate, "validate", document, "--json", cwd=empty))
    assert said["well"] and said["format"] == "upu/cusitm/own-1" and said["items"] > 0
    return json.loads(run(commands / "python", "-c", SNIPPET, cwd=empty))


def test_a_wheel_made_from_the_sdist_and_installed_elsewhere_works_from_an_empty_directory(installed, tmp_path):
    found = works_from(installed, tmp_path)
    package = Path(found["package"]).parent
    assert package.is_relative_to(installed.parent), "the installed package is the one that was tried"
    assert found["faults"] == sorted(catalogue())
    assert found["places"] == [str(package / "schemas"), str(package / "proto")]
    assert tree(package / "schemas") == tree(ROOT / "schemas")
    assert tree(package / "proto") == tree(ROOT / "proto")


def test_an_editable_install_of_a_fresh_checkout_works_from_an_empty_directory(tmp_path):
    checkout, empty = tmp_path / "a checkout", tmp_path / "empty"
    empty.mkdir()
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes((ROOT / name).read_bytes())
    assert not (checkout / "services" / "parcelgate" / "api").exists()
    commands = environment(tmp_path / "venv")
    pip(commands, "--editable", checkout, cwd=tmp_path)
    found = works_from(commands, empty)
    assert Path(found["package"]) == checkout / "services" / "parcelgate" / "__init__.py"
    assert found["places"] == [str(checkout / "schemas"), str(checkout / "proto")]


def test_the_sdist_has_all_sources_and_no_generated_code(made):
    with tarfile.open(made[0]) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {name for name in names if "_pb2" in name or ("/api/" in name and name.endswith(".py"))} == set()
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    wanted = {
        name for name in listed if name.startswith(("services/", "schemas/", "proto/")) and (ROOT / name).is_file()
    }
    assert wanted - names == set()
    assert {name.partition("/")[0] for name in names} == {
        *("services", "schemas", "proto", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md"),
        *("PKG-INFO", ".gitignore"),  # hatchling adds these
    }


def test_the_wheel_has_the_package_alone_with_its_generated_code_and_its_licence(made):
    with zipfile.ZipFile(made[1]) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "parcelgate",
        made[1].name.partition("-py3")[0] + ".dist-info",
    }
    assert [name for name in names if "test" in name.lower() or name.endswith(".pyc")] == []
    for path in (ROOT / "proto").rglob("*.proto"):
        stem = str(path.relative_to(ROOT / "proto").with_suffix(""))
        assert {f"{stem}_pb2.py", f"{stem}_pb2_grpc.py"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_floors_of_the_libraries_follow_the_generator(made):
    with zipfile.ZipFile(made[1]) as archive:
        messages = archive.read("parcelgate/api/intake/v1/intake_pb2.py").decode()
        calls = archive.read("parcelgate/api/intake/v1/intake_pb2_grpc.py").decode()
    needed = {
        "protobuf": re.search(r"Protobuf Python Version: (\d+)\.(\d+)", messages).groups(),
        "grpcio": re.search(r"GRPC_GENERATED_VERSION = '(\d+)\.(\d+)", calls).groups(),
    }
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for name, version in needed.items():
        (floor,) = [row.removeprefix(f"{name}>=") for row in wanted if row.startswith(f"{name}>=")]
        assert [int(part) for part in floor.split(".")[:2]] >= [int(part) for part in version], f"{name}>={floor}"
