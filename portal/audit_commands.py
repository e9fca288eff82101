"""The command ``kvar audit verify``: parsing only (portal/composition/audit.py does the work)."""

import typer

from portal.commands import config_of, say

app = typer.Typer(help="Look at the record of look-ups.", no_args_is_help=True)


@app.command("verify")
def verify(context: typer.Context) -> None:
    """Say whether the record is whole: that no row was changed, added or taken away."""
    from portal.composition import audit

    say(audit.verify(config_of(context)))


@app.callback()
def _group() -> None:
    """Keep the command a group's: there will be others."""
