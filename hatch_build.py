"""Build hook: makes services/parcelgate/api from proto/ at install, so that generated code is never in git."""

import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def generate(root: Path) -> None:
    """Compile every .proto below root/proto into root/services; raises RuntimeError with protoc's exit code."""
    import grpc_tools
    from grpc_tools import protoc

    target = root / "services" / "parcelgate" / "api"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    sources = sorted(str(path) for path in (root / "proto").rglob("*.proto"))
    plugins = [
        f"--plugin={name}={script}"
        for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
        if (script := _script(name)) is not None
    ]
    wanted = [] if len(plugins) < 2 else [f"--mypy_out=quiet:{root}/services", f"--mypy_grpc_out=quiet:{root}/services"]
    code = protoc.main(
        [
            "protoc",
            f"-I{root}/proto",
            f"-I{Path(grpc_tools.__file__).parent}/_proto",
            f"--python_out={root}/services",
            f"--grpc_python_out={root}/services",
            *plugins,
            *wanted,
            *sources,
        ]
    )
    if code != 0:
        message = f"protoc ended with exit code {code}"
        raise RuntimeError(message)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text('"""Generated from proto/ at install; edit the .proto files instead."""\n')


def _script(name: str) -> str | None:
    """Find the script of a protoc plugin in the environment that mypy-protobuf is installed in."""
    for file in metadata.files("mypy-protobuf") or ():
        if file.name == name:
            return str(file.locate())
    return None


class ContractBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Runs the generator before a wheel or an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Generate, and tell hatchling to pack what git ignores."""
        generate(Path(self.root))
        build_data["artifacts"].append("/services/parcelgate/api/**")


if __name__ == "__main__":
    generate(Path(__file__).parent)
