"""The commands ``kvar config …``: parsing only."""

import typer

from portal import config_reference, settings
from portal.commands import config_of
from portal.config_contradictions import Problem
from portal.config_file import ConfigError

app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@app.command("check")
def check(context: typer.Context) -> None:
    """Say whether the file can be used; print every problem with its way out."""
    config = config_of(context)
    try:
        settings.check(config)
    except ValueError as problem:
        raise ConfigError(context.obj, [Problem("", str(problem))]) from problem
    typer.echo(f"{context.obj}: right")


@app.command("show")
def show(context: typer.Context) -> None:
    """Print the configuration in effect, defaults included, secrets masked."""
    typer.echo(config_of(context).model_dump_json(indent=2))


@app.command("reference")
def reference() -> None:
    """Print every key with its meaning, as Markdown."""
    typer.echo(config_reference.render(), nl=False)


@app.command("dnsmasq")
def dnsmasq_lines(context: typer.Context) -> None:
    """Print the lines that belong into dnsmasq's configuration."""
    from portal import dnsmasq

    typer.echo("\n".join(dnsmasq.lines(config_of(context))))
