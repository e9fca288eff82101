"""The commands ``kvar radius …``: parsing only (portal/composition does the work)."""

from typing import Annotated

import typer

from portal.commands import config_of, say, start

app = typer.Typer(invoke_without_command=True)
refused_app = typer.Typer(
    help="Look after accounting that the database refused.", no_args_is_help=True
)
app.add_typer(refused_app, name="refused")

Batch = Annotated[str, typer.Argument(help="The batch's name, as the list shows it.")]


@app.callback()
def radius(
    context: typer.Context,
    worker: Annotated[int, typer.Option(hidden=True, help="Which of several.")] = 0,
) -> None:
    """Answer access points over RADIUS; SIGHUP reads the clients anew."""
    if context.invoked_subcommand is not None:
        return
    from portal.composition.radius import run_radius

    start("radius", run_radius(config_of(context), context.obj, worker))


@refused_app.command("list")
def show(context: typer.Context) -> None:
    """List the batches on disk; with the database there, these are what it refused."""
    from portal.composition import refused_accounting

    say(refused_accounting.show(config_of(context)))


@refused_app.command("retry")
def retry(context: typer.Context, batch: Batch) -> None:
    """Write a batch's records once more, and say which are refused, and why."""
    from portal.composition import refused_accounting

    say(refused_accounting.retry(config_of(context), batch))


@refused_app.command("drop")
def drop(context: typer.Context, batch: Batch) -> None:
    """Write what can be written of a batch, and give up the rest."""
    from portal.composition import refused_accounting

    say(refused_accounting.drop(config_of(context), batch))
