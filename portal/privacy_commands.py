"""The command ``kvar privacy record``: parsing only (portal/processing_facts.py does the work)."""

import typer

from portal.clock import utc_now
from portal.commands import config_of
from portal.domain.processing_record import as_markdown
from portal.processing_facts import make_record

app = typer.Typer(help="What is written down about guests.", no_args_is_help=True)


@app.command("record")
def record(context: typer.Context) -> None:
    """Print the record of processing (GDPR article 30) as the configuration makes it, in Swedish.

    Markdown on standard output: kvar privacy record > registerforteckning.md
    """
    typer.echo(as_markdown(make_record(config_of(context)), f"{utc_now():%Y-%m-%d}"))


@app.callback()
def _group() -> None:
    """Keep the command a group's: there will be others."""
