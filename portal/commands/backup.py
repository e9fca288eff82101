"""The commands ``kvar backup``, ``backup-key``, ``restore`` and ``upgrade``: parsing only."""

from pathlib import Path
from typing import Annotated

import typer

from portal.clock import utc_now
from portal.commands import config_of, say

Identity = Annotated[Path | None, typer.Option(help="The private key's file, if encrypted.")]
LINK = Path("/usr/lib/kvar-current")
Keys = Annotated[Path | None, typer.Option(help="The file of keys. Left out: beside the backup.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("backup-key")(backup_key)
    app.command("restore")(restore)
    app.command("upgrade")(upgrade)


def backup(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option(help="Another folder than the configured one.")] = None,
) -> None:
    """Write database, configuration and keys into the folder of backups."""
    from portal.composition.backup import back_up

    say(back_up(config_of(context), context.obj, utc_now(), to))


def backup_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; not on this machine's disk.")],
) -> None:
    """Make a key that opens backups, and print the recipient for the configuration."""
    from portal.composition.backup import make_key

    typer.echo(make_key(file))


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: Identity = None,
    keys: Keys = None,
    check: Annotated[bool, typer.Option(help="Only try it, in a database of its own.")] = False,
    replace: Annotated[bool, typer.Option(help="Even where a database and keys stand.")] = False,
) -> None:
    """Put a backup back; Kvar must not be running."""
    from portal.composition.restore import Wish, put_back, try_out

    wish = Wish(file, identity, keys, replace)
    now = utc_now()
    say(try_out(wish, now) if check else put_back(context.obj, wish, now))


def upgrade(
    context: typer.Context,
    release: Annotated[Path, typer.Argument(help="The folder of the next release.")],
    link: Annotated[Path, typer.Option(help="What names the release in use.")] = LINK,
    restart: Annotated[
        str, typer.Option(help="Restarts one process; {} is its name. Left out: systemd.")
    ] = "",
    patience_s: Annotated[float, typer.Option(help="Until every process must be ready.")] = 60.0,
) -> None:
    """Back up, change to the next release, and go back to this one when it is not well."""
    from portal.composition.upgrade import SYSTEMD, Wish, upgrade

    wish = Wish(link, release, restart or SYSTEMD, patience_s)
    say(upgrade(config_of(context), context.obj, wish))
