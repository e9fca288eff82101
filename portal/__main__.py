"""The command line ``kvar``: parsing, and errors as one plain line. No work is done here.

The rule to keep: exit code 0 is success, 1 a failure with its way out on stderr, 2 wrong usage.
A command imports its work when it is called, so that a process loads only what it needs.
"""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from portal import logs
from portal.commands import (
    account,
    api,
    audit,
    backup,
    config_of,
    configuration,
    device,
    identity,
    privacy,
    radius,
    setup,
    start,
    tutor,
    voucher,
)
from portal.composition.start import StartError
from portal.config_file import DEFAULT_PATH, ConfigError

app = typer.Typer(
    help="Kvar: a captive portal for libraries.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name, group in (
    ("config", configuration),
    ("tutor", tutor),
    ("device", device),
    ("account", account),
    ("voucher", voucher),
    ("audit", audit),
    ("radius", radius),
    ("identity", identity),
    ("privacy", privacy),
):
    app.add_typer(group.app, name=name)
for more in (api, backup, setup):
    more.add_to(app)


def main() -> None:
    """Run the command line; expected failures become a plain line and exit code 1."""
    try:
        app()
    except (ConfigError, StartError) as problem:
        sys.exit(f"kvar: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kvar {version('kvar')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[Path, typer.Option(readable=False, help="The TOML file.")] = DEFAULT_PATH,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read the options that every command has."""
    context.obj = config


@app.command()
def run(context: typer.Context) -> None:
    """Run everything on this machine: database, gate, keeper, web sites and RADIUS."""
    from portal.composition.everything import run_all

    start("run", run_all(config_of(context), context.obj))


@app.command()
def gate(context: typer.Context) -> None:
    """Run the gate's agent (needs CAP_NET_ADMIN and CAP_NET_RAW)."""
    from portal.composition.gate import run_gate

    start("gate", run_gate(config_of(context)))


@app.command()
def close(
    context: typer.Context,
    forward: Annotated[
        bool, typer.Option("--forward", help="Then let the machine forward, if it is a gateway.")
    ] = False,
) -> None:
    """Close the guest networks in routing, before their interfaces come up (needs root)."""
    from portal.composition.gate import close_guest_networks

    for line in close_guest_networks(config_of(context), forward=forward):
        typer.echo(line)


@app.command()
def keeper(context: typer.Context) -> None:
    """Keep the gate in step with the database."""
    from portal.composition.keeper import run_keeper

    start("keeper", run_keeper(config_of(context)))


@app.command()
def portal(context: typer.Context) -> None:
    """Serve the guest site."""
    from portal.composition.portal import run_portal

    start("portal", run_portal(config_of(context)))


@app.command()
def staff(context: typer.Context) -> None:
    """Serve the staff site."""
    from portal.composition.staff_site import run_staff

    start("staff", run_staff(config_of(context)))


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to this version's schema."""
    from portal.composition.database import migrate_database

    start("migrate", migrate_database(config_of(context)))


@app.command("doctor")
def doctor_command(
    context: typer.Context,
    test_card: Annotated[str, typer.Option(help="A card of the library for tests.")] = "",
    only: Annotated[
        list[str],
        typer.Option(help="Only this check, by the name that the output has; one or more."),
    ] = [],  # noqa: B006 - typer reads it, and changes nothing
    as_json_: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Check everything Kvar depends on; each finding says what to do."""
    from portal.composition.doctor import look
    from portal.doctor.finding import as_json, as_text

    config = config_of(context)
    pin = typer.prompt("PIN of the test card", hide_input=True) if test_card else ""
    logs.configure("doctor")
    findings = asyncio.run(look(config, context.obj, test_card, pin, only))
    typer.echo(as_json(findings) if as_json_ else as_text(findings))
    if any(finding.is_failure for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    check: Annotated[bool, typer.Option(help="Run the scripted phone, then stop.")] = False,
) -> None:
    """Run Kvar with a virtual guest network, a library system and phones."""
    try:
        from portal.demo import check as checking
        from portal.demo import show
    except ModuleNotFoundError as problem:
        raise StartError(f"{problem}; the demo needs more: pip install 'kvar[demo]'") from problem

    sys.exit(checking.run() if check else show.run())


if __name__ == "__main__":
    main()
