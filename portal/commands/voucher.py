"""The commands ``kvar voucher …``: parsing only (portal/composition/vouchers.py does the work).

The rule to keep: a voucher is named by its serial; a code on a command line would be seen by
everybody who lists the machine's processes.
"""

from datetime import datetime
from typing import Annotated

import typer

from portal.commands import Site, config_of, say

app = typer.Typer(help="Make vouchers, and look after them.", no_args_is_help=True)

Serial = Annotated[str, typer.Argument(help="What the slip says beside the code, such as A-0412.")]
Series = Annotated[str, typer.Argument(help="The letters of a batch, such as B.")]
Count = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]
Devices = Annotated[
    int | None, typer.Option(min=1, max=500, help="How many devices may use each code.")
]
Hours = Annotated[
    float | None,
    typer.Option(min=0.1, max=8784, help="How long a code lasts from the first login."),
]
Moment = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%d %H:%M"], help="Local time: 2026-12-24 16:00."),
]


@app.command("create")
def create(
    context: typer.Context,
    site: Site,
    preset: Annotated[str, typer.Option(help="Which of the site's presets.")] = "closing",
    count: Count = 1,
    devices: Devices = None,
    hours: Hours = None,
    until: Moment = None,
    use_before: Moment = None,
    starts: Moment = None,
    everywhere: Annotated[bool, typer.Option(help="Good at every site.")] = False,
) -> None:
    """Make vouchers, and print their codes: they are told once."""
    from portal.composition import vouchers

    wish = vouchers.Wish(preset, count, devices, hours, until, use_before, starts, everywhere)
    say(vouchers.create(config_of(context), site, wish))


@app.command("list")
def show_list(context: typer.Context, site: Site, count: Count = 20) -> None:
    """List the vouchers made last, without their codes."""
    from portal.composition import vouchers

    say(vouchers.show_latest(config_of(context), site, count))


@app.command("show")
def show(context: typer.Context, serial: Serial, site: Site) -> None:
    """Say what became of a voucher."""
    from portal.composition import vouchers

    say(vouchers.show(config_of(context), site, serial))


@app.command("revoke")
def revoke(
    context: typer.Context,
    serial: Serial,
    site: Site,
    batch: Annotated[bool, typer.Option(help="The whole batch with these letters.")] = False,
    unused: Annotated[bool, typer.Option(help="Of the batch, what nobody has used.")] = False,
) -> None:
    """Turn a voucher off: its devices are offline at once. With --batch, a whole batch."""
    from portal.composition import vouchers

    config = config_of(context)
    if batch or unused:
        say(vouchers.revoke_batch(config, site, serial, only_unused=unused))
    else:
        say(vouchers.revoke(config, site, serial))


@app.command("extend")
def extend(
    context: typer.Context,
    serial: Serial,
    site: Site,
    hours: Annotated[float, typer.Option(min=0.1, max=8784, help="How much longer.")] = 1,
) -> None:
    """Give a voucher more time, and whoever is online by it."""
    from portal.composition import vouchers

    say(vouchers.extend(config_of(context), site, serial, hours))


@app.command("reprint")
def reprint(context: typer.Context, serial: Serial, site: Site) -> None:
    """Print the code again; a used one gets a new code for what is left, and the old one is off."""
    from portal.composition import vouchers

    say(vouchers.reprint(config_of(context), site, serial))


@app.command("export")
def export(
    context: typer.Context,
    series: Series,
    site: Site,
    codes: Annotated[bool, typer.Option(help="With the codes that nobody has used.")] = False,
) -> None:
    """Print a batch as CSV for a spreadsheet (UTF-8, semicolons)."""
    from portal.composition import vouchers

    say(vouchers.export(config_of(context), site, series, with_codes=codes))
