"""The commands ``kvar identity …``: parsing only (portal/composition/identity.py does the work).

The rule to keep: a passphrase is asked for, never an argument, which all users of the machine see.
"""

from pathlib import Path
from typing import Annotated

import typer

from portal.commands import config_of

app = typer.Typer(help="Look after the key that card numbers are sealed to.", no_args_is_help=True)

File = Annotated[
    Path, typer.Argument(help="The file of the private key; keep it off this machine.")
]


@app.command("make-key")
def make_key(file: File) -> None:
    """Make the key pair: the private key into a new file, the public one to be configured."""
    from portal.composition import identity

    passphrase = typer.prompt("A new passphrase", hide_input=True, confirmation_prompt=True)
    typer.echo(identity.make_key(file, passphrase))


@app.command("check-key")
def check_key(context: typer.Context, file: File) -> None:
    """Say whether a private key opens what is sealed now: a drill, before it is needed."""
    from portal.composition import identity

    config = config_of(context)
    typer.echo(identity.check_key(config, file, typer.prompt("Its passphrase", hide_input=True)))
