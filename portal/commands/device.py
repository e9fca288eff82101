"""The command ``kvar device forget``: parsing only (the work: portal/composition/devices.py)."""

import typer

from portal.commands import Number, Site, config_of, say

app = typer.Typer(help="Look after remembered devices.", no_args_is_help=True)


@app.command("forget")
def forget(context: typer.Context, number: Number, site: Site) -> None:
    """Forget a remembered device by its number; it stays online, and logs in again next time."""
    from portal.composition import devices

    say(devices.forget(config_of(context), site, number))


@app.callback()
def _group() -> None:
    """Keep the command a group's: there will be others."""
