"""The command line. Exit codes: 0 done, 1 faults found, 2 usage or could not run."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from parcelgate.core import setting, telemetry
from parcelgate.core.setting import Settings

# Our children start another program at once. gRPC's handlers of a fork have no business in them: they warn, and may crash the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

FAULTS_FOUND = 1
COULD_NOT_RUN = 2

cli = typer.Typer(
    name="parcelgate",
    help="The open Customs-Post EDI message gateway.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
errors = Console(stderr=True, highlight=False)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the store, keys and mailboxes (default: var).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
As = Annotated[str, typer.Option("--as", help="Partner to speak for, with this machine's local key.")]


def settings(data: Path | None, **given: Any) -> Settings:
    """Read the settings for a command."""
    return setting.load(data=data, **given)


@cli.command()
def up(
    data: Data = None,
    http_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one (default: 8080).")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one (default: 50051).")] = None,
) -> None:
    """Serve everything in one process until Ctrl-C."""
    from parcelgate.app import gateway
    from parcelgate.app.running import Running

    chosen = settings(data, http_port=http_port, grpc_port=grpc_port)
    telemetry.configure(chosen.log_level)

    def ready(where: Running) -> None:
        errors.print(f"parcelgate serves {where.http} (page, HTTP) and {where.grpc} (gRPC) from {chosen.data}")
        errors.print(f"log in to the page with the key in {chosen.data / 'keys' / 'integrator'}; Ctrl-C stops")

    uvloop.run(gateway.serve(chosen, ready))


@cli.command("run")
def run_service(
    service: Annotated[str, typer.Argument(help="postal, carrier, router, risk, clearance or monitor.")],
    data: Data = None,
    instance: Annotated[
        str | None, typer.Option(help="Its name, the same after a restart (default: host-service).")
    ] = None,
    http_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one (default: 8080).")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one (default: 50051).")] = None,
) -> None:
    """Serve one service of a cluster; any number of processes may serve the same one."""
    from parcelgate.app import gateway, topology
    from parcelgate.app.running import Running

    if service not in topology.SERVICES:
        raise ValueError(f"there is no service {service}; there are {', '.join(topology.SERVICES)}")
    chosen = settings(data, http_port=http_port, grpc_port=grpc_port, instance=instance)
    telemetry.configure(chosen.log_level)

    def ready(where: Running) -> None:
        errors.print(f"parcelgate {service} serves {where.http} (HTTP) and {where.grpc} (gRPC) as {where.instance}")

    uvloop.run(gateway.serve_one(chosen, service, ready))


@cli.command()
def migrate(data: Data = None) -> None:
    """Bring the store up to this version: the cluster's database if one is set, else that of the data folder."""
    from parcelgate.adapters.store.sqlite.migration import migrate as apply
    from parcelgate.adapters.store.sqlite.writer import connect
    from parcelgate.app.running import locked

    chosen = settings(data)
    if chosen.database_url:
        from parcelgate.adapters.store.postgres.migration import migrate as apply_to_database

        done = [
            name for phase in ("pre", "post") for name in asyncio.run(apply_to_database(chosen.database_url, phase))
        ]
        typer.echo("\n".join(done) or "nothing to do")
        return
    with locked(chosen.data):
        connection = connect(chosen.store)
        applied = [name for phase in ("pre", "post") for name in apply(connection, phase)]
        connection.close()
    typer.echo("\n".join(applied) or "nothing to do")


@cli.command("broker-definitions")
def broker_definitions(
    data: Data = None,
    vhost: Annotated[str, typer.Option(help="Virtual host of the gateway.")] = "/",
    user: Annotated[str, typer.Option(help="The gateway's own user.")] = "parcelgate",
    password: Annotated[
        str | None, typer.Option(help="Its password; without one the user is left as it is on the broker.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write to instead of standard output.")] = None,
) -> None:
    """Print what the broker needs for the gateway and its partners' queues, for rabbitmqctl import_definitions."""
    from parcelgate.app import definitions

    text = definitions.text(settings(data), vhost, user, password)
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text, "utf-8")


@cli.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Interchanges to hand in; - is standard input.")],
    partner: As,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the decisions.")] = False,
    seconds: Annotated[float, typer.Option(help="How long to wait at most.")] = 60.0,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hand interchanges in to the running gateway."""
    from parcelgate.app import sending

    raise typer.Exit(sending.send(settings(data), files, partner, seconds if wait else None, as_json=as_json))


@cli.command()
def trace(
    query: Annotated[str, typer.Argument(help="Item, receipt, interchange reference, declaration id or file name.")],
    partner: As = "integrator",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to an item or interchange."""
    from parcelgate.app import tracing

    raise typer.Exit(tracing.trace(settings(data), query, partner, as_json=as_json))


@cli.command()
def replay(
    what: Annotated[
        str, typer.Argument(help="CONSUMER/MESSAGE of a dead letter (see doctor), or a declaration id to judge anew.")
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Try a dead letter again, or have a declaration judged anew."""
    from parcelgate.app import replaying

    raise typer.Exit(replaying.replay(settings(data), what, as_json=as_json))


@cli.command()
def validate(
    file: Annotated[Path, typer.Argument(help="A document in any known format; - is standard input.")],
    format_id: Annotated[
        str | None, typer.Option("--format", help="Its format, if it is not to be recognised.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check a document and show all its faults; needs no gateway."""
    from parcelgate.app import translating

    raise typer.Exit(translating.validate(settings(data), file, format_id, as_json=as_json))


@cli.command()
def translate(
    file: Annotated[Path, typer.Argument(help="A document in any known format; - is standard input.")],
    to: Annotated[str, typer.Option("--to", help="Format to write: a format id, or json for the canonical record.")],
    format_id: Annotated[
        str | None, typer.Option("--format", help="Its format, if it is not to be recognised.")
    ] = None,
    data: Data = None,
    ledger: Annotated[bool, typer.Option("--ledger", help="Show on standard error what became of each field.")] = False,
) -> None:
    """Translate a document to another format on standard output; needs no gateway."""
    from parcelgate.app import translating

    raise typer.Exit(translating.translate(settings(data), file, to, format_id, ledger=ledger))


formats_cli = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
cli.add_typer(formats_cli, name="formats")


@formats_cli.callback()
def formats(context: typer.Context, data: Data = None, as_json: AsJson = False) -> None:
    """List the known formats with version, direction and provenance; check: see whether one is fit for use."""
    from parcelgate.app import formats

    if context.invoked_subcommand is None:
        raise typer.Exit(formats.show(settings(data), as_json=as_json))


@formats_cli.command("check")
def check_formats(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of formats, or with formats below; all known ones if none.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check formats: words, rows, schema, code lists, examples, and that what is written is read again as it was."""
    from parcelgate.app import formats

    raise typer.Exit(formats.check_folders(settings(data), folders or [], as_json=as_json))


@cli.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same traffic.")] = 1,
    items: Annotated[int, typer.Option(help="Postal items.", min=0)] = 1000,
    shipments: Annotated[int, typer.Option(help="Carrier shipments.", min=0)] = 200,
    per_interchange: Annotated[int, typer.Option(help="Items of an interchange.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """Write realistic sample traffic: CUSITM interchanges of posts, JSON requests of carriers."""
    from parcelgate.app import sampling

    raise typer.Exit(sampling.sample(folder, seed, items, shipments, per_interchange, as_json=as_json))


@cli.command()
def demo(
    data: Annotated[Path, typer.Option("--data", help="Folder of the demo.")] = Path("build/demo"),
    seed: Annotated[int, typer.Option(help="The same seed makes the same traffic.")] = 1,
    items: Annotated[int, typer.Option(help="Postal items.", min=100, hidden=True)] = 1000,
    shipments: Annotated[int, typer.Option(help="Carrier shipments.", min=10, hidden=True)] = 200,
    wait: Annotated[float, typer.Option(help="Seconds to wait for decisions at most.", hidden=True)] = 120.0,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="As a cluster of processes on private PostgreSQL and RabbitMQ nodes.")
    ] = False,
) -> None:
    """Run the whole path on sample traffic and show what became of it."""
    from parcelgate.app.demo import run

    raise typer.Exit(run.run(data, seed, items, shipments, wait, cluster=cluster))


@cli.command()
def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Check this machine, the data folder and the running gateway."""
    from parcelgate.app import diagnosis

    raise typer.Exit(diagnosis.doctor(settings(data), as_json=as_json))


def main() -> None:
    """Run the command line; what could not run is one sentence and exit code 2, never a traceback."""
    from parcelgate.app.client import NoGatewayError, RefusedError, UnknownPartnerError
    from parcelgate.app.running import GatewayRunsError
    from parcelgate.core.port import BusUnavailableError

    try:
        cli()
    except (
        NoGatewayError,
        RefusedError,
        UnknownPartnerError,
        GatewayRunsError,
        BusUnavailableError,
        OSError,
        ValueError,
    ) as error:
        errors.print(f"parcelgate: {error}")
        sys.exit(COULD_NOT_RUN)


if __name__ == "__main__":
    main()
