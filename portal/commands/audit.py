"""The command ``kvar audit verify``: parsing only (portal/composition/audit.py does the work)."""

import typer

from portal.commands import config_of, say

app = typer.Typer(help="Look at the record of look-ups.", no_args_is_help=True)


@app.command("verify")
def verify(context: typer.Context) -> None:
    """Say whether the record is whole: no row changed, added or taken away in its middle.

    The first row's number and date, and the last one's hash, tell whether its ends are all there.
    """
    from portal.composition import audit

    say(audit.verify(config_of(context)))


@app.callback()
def _group() -> None:
    """Keep the command a group's: there will be others."""
