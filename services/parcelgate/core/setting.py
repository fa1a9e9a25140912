"""Settings: defaults, then <data>/parcelgate.toml, then environment variables. All limits stand here.

PARCELGATE_<NAME> is a value; PARCELGATE_<NAME>_FILE names a file that holds it, so that a secret need not stand in the
environment, where every process of the user can read it.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an operator may set."""

    data: Path = Path("var")
    """Folder of the store, keys and mailboxes."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    http_port: int = 8080
    """Port of the edge, the monitor and the pages."""
    grpc_port: int = 50051
    """Port of the gRPC services."""
    partners: Path | None = None
    """Folder of partner files beside the shipped ones."""
    formats: Path | None = None
    """Folder of formats beside the shipped ones; <data>/formats if not set."""
    regimes: Path | None = None
    """Folder of regime data instead of the shipped one."""
    mailboxes: Path | None = None
    """Folder of the mailboxes; <data>/mailboxes if not set."""
    workers: int = 1
    """Translation processes."""
    interchange_bytes: int = 2 * 1024**3
    """Largest interchange."""
    part_bytes: int = 256 * 1024
    """Size of the parts in which a raw interchange is stored."""
    call_seconds: float = 2.0
    """Time that an authority has for a chunk."""
    log_level: str = "info"
    """debug, info, warning or error."""
    instance: str = ""
    """Name of this process among those of a cluster, the same after a restart; <host>-<service> if not set."""
    database_url: str = ""
    """PostgreSQL database of the cluster: postgresql://user:password@host:port/name."""
    database_connections: int = 6
    """Connections that a process of the cluster holds to the database."""
    broker_url: str = ""
    """RabbitMQ virtual host of the cluster: amqp://user:password@host:port/vhost."""
    risk_address: str = ""
    """Where a cluster's router asks risk: host:port, or several IP addresses with ports and commas between."""
    clearance_address: str = ""
    """Where a cluster's router asks clearance, in the same way."""
    most_unsent: int = 20_000
    """Messages that may wait for the bus; with more of them the doors are shut."""
    most_interchanges: int = 5_000
    """Interchanges that may wait for their end; with more of them the doors are shut."""
    resend_seconds: int = 60
    """A message that was sent so long ago and is neither done nor queued is sent again."""

    @property
    def store(self) -> Path:
        """Return the file of the embedded store."""
        return self.data / "parcelgate.sqlite"

    @property
    def mailbox_root(self) -> Path:
        """Return the folder of the mailboxes."""
        return self.mailboxes or self.data / "mailboxes"

    @property
    def format_root(self) -> Path:
        """Return the operator's own folder of formats."""
        return self.formats or self.data / "formats"


def load(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Read the settings; given ones win. Raises ValueError that names the setting, if one is unknown or malformed."""
    environment = os.environ if environment is None else environment
    kinds = {field.name: field.type for field in fields(Settings)}
    values: dict[str, Any] = {name: value for name in kinds if (value := _set(environment, name)) is not None}
    values |= {name: value for name, value in given.items() if value is not None}
    file = Path(values.get("data", Settings().data)) / "parcelgate.toml"
    if file.is_file():
        values = tomllib.loads(file.read_text("utf-8")) | values
    if unknown := sorted(values.keys() - kinds.keys()):
        raise ValueError(f"there is no setting {unknown[0]}")
    return Settings(**{name: _convert(name, kinds[name], value) for name, value in values.items()})


def _set(environment: Mapping[str, str], name: str) -> str | None:
    """Return what the environment says of a setting, itself or by a file; a line break at the end is none of it."""
    variable = f"PARCELGATE_{name.upper()}"
    path = environment.get(f"{variable}_FILE")
    if path is None:
        return environment.get(variable)
    if variable in environment:
        raise ValueError(f"setting {name} is given by {variable} and by {variable}_FILE; leave one out")
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"the file {path} of {variable}_FILE cannot be read: {reason}") from error


def _convert(name: str, kind: Any, value: Any) -> Any:
    try:
        return Path(value) if "Path" in str(kind) else kind(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"setting {name} cannot be {value!r}") from error
