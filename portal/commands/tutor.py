"""The commands ``kvar tutor …``: parsing only (portal/composition/tutor.py does the work)."""

from typing import Annotated

import typer

from portal.commands import Number, Site, config_of, say

app = typer.Typer(help="Let devices in for tutoring.", no_args_is_help=True)
group_app = typer.Typer(help="Let groups in by a room code.", no_args_is_help=True)
app.add_typer(group_app, name="group")

GroupNumber = Annotated[int, typer.Argument(help="The group's number, as the list shows it.")]
Devices = Annotated[int, typer.Option(min=1, max=100, help="How many devices may join.")]
Minutes = Annotated[int, typer.Option(min=1, max=720, help="How long.")]


@app.command("list")
def list_devices(context: typer.Context, site: Site) -> None:
    """List the devices that wait, and those under tutoring."""
    from portal.composition import tutor

    say(tutor.show(config_of(context), site))


@app.command("let-in")
def let_in(
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


@app.command("extend")
def extend(context: typer.Context, number: Number, site: Site, minutes: Minutes = 30) -> None:
    """Prolong a tutoring, any number of times."""
    from portal.composition import tutor

    say(tutor.extend(config_of(context), site, number, minutes))


@app.command("end")
def end(context: typer.Context, number: Number, site: Site) -> None:
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
