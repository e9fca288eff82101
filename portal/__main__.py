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

from portal import (
    account_commands,
    api_commands,
    audit_commands,
    backup_commands,
    config_reference,
    identity_commands,
    logs,
    privacy_commands,
    radius_commands,
    settings,
    setup_commands,
    voucher_commands,
)
from portal.commands import Site, config_of, say, start
from portal.composition.start import StartError
from portal.config_file import DEFAULT_PATH, ConfigError, Problem

app = typer.Typer(
    help="Kvar: a captive portal for libraries.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")
tutor_app = typer.Typer(help="Let devices in for tutoring.", no_args_is_help=True)
app.add_typer(tutor_app, name="tutor")
group_app = typer.Typer(help="Let groups in by a room code.", no_args_is_help=True)
tutor_app.add_typer(group_app, name="group")
device_app = typer.Typer(help="Look after remembered devices.", no_args_is_help=True)
app.add_typer(device_app, name="device")
app.add_typer(account_commands.app, name="account")
app.add_typer(voucher_commands.app, name="voucher")
app.add_typer(audit_commands.app, name="audit")
app.add_typer(radius_commands.app, name="radius")
app.add_typer(identity_commands.app, name="identity")
app.add_typer(privacy_commands.app, name="privacy")
api_commands.add_to(app)
backup_commands.add_to(app)
setup_commands.add_to(app)

Number = Annotated[int, typer.Argument(help="The device number that the visitor's page shows.")]
GroupNumber = Annotated[int, typer.Argument(help="The group's number, as the list shows it.")]
Devices = Annotated[int, typer.Option(min=1, max=100, help="How many devices may join.")]
Minutes = Annotated[int, typer.Option(min=1, max=720, help="How long.")]


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
    config: Annotated[Path, typer.Option(help="The TOML file.")] = DEFAULT_PATH,
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
def close(context: typer.Context) -> None:
    """Close the guest networks in routing, before their interfaces come up (needs root)."""
    from portal.composition.gate import close_guest_networks

    for line in close_guest_networks(config_of(context)):
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


@config_app.command("check")
def config_check(context: typer.Context) -> None:
    """Say whether the file can be used; print every problem with its way out."""
    config = config_of(context)
    try:
        settings.check(config)
    except ValueError as problem:
        raise ConfigError(context.obj, [Problem("", str(problem))]) from problem
    typer.echo(f"{context.obj}: right")


@config_app.command("show")
def config_show(context: typer.Context) -> None:
    """Print the configuration in effect, defaults included, secrets masked."""
    typer.echo(config_of(context).model_dump_json(indent=2))


@config_app.command("reference")
def config_reference_command() -> None:
    """Print every key with its meaning, as Markdown."""
    typer.echo(config_reference.render(), nl=False)


@config_app.command("dnsmasq")
def config_dnsmasq(context: typer.Context) -> None:
    """Print the lines that belong into dnsmasq's configuration."""
    from portal import dnsmasq

    typer.echo("\n".join(dnsmasq.lines(config_of(context))))


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


@tutor_app.command("list")
def tutor_list(context: typer.Context, site: Site) -> None:
    """List the devices that wait, and those under tutoring."""
    from portal.composition import tutor

    say(tutor.show(config_of(context), site))


@tutor_app.command("let-in")
def tutor_let_in(
    context: typer.Context,
    number: Number,
    site: Site,
    minutes: Minutes = 90,
    continues: Annotated[
        int | None, typer.Option(help="The number that the visitor had before the phone changed.")
    ] = None,
) -> None:
    """Let a device in, or keep it in: nothing ends its session meanwhile but closing time."""
    from portal.composition import tutor

    config = config_of(context)
    if continues is None:
        say(tutor.let_in(config, site, number, minutes))
    else:
        say(tutor.carry_over(config, site, number, continues, minutes))


@tutor_app.command("extend")
def tutor_extend(context: typer.Context, number: Number, site: Site, minutes: Minutes = 30) -> None:
    """Prolong a tutoring, any number of times."""
    from portal.composition import tutor

    say(tutor.extend(config_of(context), site, number, minutes))


@tutor_app.command("end")
def tutor_end(context: typer.Context, number: Number, site: Site) -> None:
    """End a tutoring; the device stays online as an ordinary guest."""
    from portal.composition import tutor

    say(tutor.end(config_of(context), site, number))


@group_app.command("start")
def group_start(
    context: typer.Context, site: Site, minutes: Minutes = 120, devices: Devices = 15
) -> None:
    """Start a group, and print the room code that lets its devices in."""
    from portal.composition import tutor_group

    say(tutor_group.start(config_of(context), site, minutes, devices))


@group_app.command("list")
def group_list(context: typer.Context, site: Site) -> None:
    """List the groups, with how many devices are in."""
    from portal.composition import tutor_group

    say(tutor_group.show(config_of(context), site))


@group_app.command("extend")
def group_extend(
    context: typer.Context, number: GroupNumber, site: Site, minutes: Minutes = 30
) -> None:
    """Prolong a group and the protection of its devices, any number of times."""
    from portal.composition import tutor_group

    say(tutor_group.extend(config_of(context), site, number, minutes))


@group_app.command("end")
def group_end(context: typer.Context, number: GroupNumber, site: Site) -> None:
    """End a group; its devices stay online as ordinary guests."""
    from portal.composition import tutor_group

    say(tutor_group.end(config_of(context), site, number))


@device_app.command("forget")
def device_forget(context: typer.Context, number: Number, site: Site) -> None:
    """Forget a remembered device by its number; it stays online, and logs in again next time."""
    from portal.composition import devices

    say(devices.forget(config_of(context), site, number))


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
