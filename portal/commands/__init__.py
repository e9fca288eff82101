"""What the commands of the command line share: the file they read, and how they say something."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
import uvloop

from portal import logs
from portal.composition.start import told_plainly
from portal.config import Config
from portal.config_file import load

Site = Annotated[str, typer.Option(help="The site's id in the configuration.")]
Number = Annotated[int, typer.Argument(help="The device number that the visitor's page shows.")]


def config_of(context: typer.Context) -> Config:
    """Return the configuration that ``--config`` names.

    Raises:
        ConfigError: it cannot be used.
    """
    return load(context.obj, lambda warning: typer.echo(f"kvar: {warning}", err=True))


def start(process: str, work: Coroutine[Any, Any, None]) -> None:
    """Run a process until it is told to stop.

    Raises:
        StartError: it cannot run.
    """
    logs.configure(process)
    with told_plainly(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def say(work: Coroutine[Any, Any, str]) -> None:
    """Do it, and print what it says."""
    logs.configure("command")
    typer.echo(asyncio.run(work))
