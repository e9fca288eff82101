"""Does what ``kvar setup`` has asked about: files, database, keys, the first account.

The rule to keep: doing it twice is doing it once. What is there already is left, and said so.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from portal.composition import accounts
from portal.composition.accounts import NameTakenError, Wish
from portal.composition.database import key_directory, migrate_database
from portal.composition.doctor import look
from portal.composition.setup_files import (
    DATABASE,
    Place,
    Say,
    dsn_of,
    make_certificates,
    write,
)
from portal.composition.start import StartError
from portal.config import Config
from portal.doctor.finding import as_text
from portal.domain.staff_account import Role
from portal.setup.answers import Answers
from portal.setup.dialogue import Guess
from portal.setup.shapes import likely_interfaces
from portal.supervisor import find_account
from portal.web.texts import Language

PACKAGED_USER = "kvar"

_PATIENCE_S = 120.0
_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")

Done = subprocess.CompletedProcess[str]


def packaged_user() -> str:
    """Return the package's user where we may become it; empty elsewhere."""
    if os.geteuid() != 0:
        return ""
    with suppress(KeyError):
        return pwd.getpwnam(PACKAGED_USER).pw_name
    return ""


def guess() -> Guess:
    """Return which interfaces look like the guests' and the internet's."""
    default = "00000000"
    rows = [line.split() for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]]
    uplinks = [row[0] for row in rows if row[1] == default]
    names = sorted(path.name for path in _INTERFACES.iterdir())
    return Guess(*likely_interfaces(names, towards_internet=uplinks[0] if uplinks else ""))


def prepare_database(answers: Answers, config: Config, place: Place) -> None:
    """Make the role and the database in the machine's own PostgreSQL, where it is to be used.

    Not where a file that was edited by hand names another.

    Raises:
        StartError: PostgreSQL is not there, or refuses; the text has the way out.
    """
    is_local = answers.machine.database.get_secret_value() == "local"
    if not is_local or config.database.dsn.get_secret_value() != dsn_of(answers, place):
        return
    if not _ask_postgres(place, "SELECT 1 FROM pg_roles WHERE rolname = :'role'"):
        _ask_postgres(place, 'CREATE ROLE :"role" LOGIN')
    if not _ask_postgres(place, "SELECT 1 FROM pg_database WHERE datname = :'database'"):
        made = 'CREATE DATABASE :"database" OWNER :"role" ENCODING \'UTF8\' TEMPLATE template0'
        _ask_postgres(place, made)


def _ask_postgres(place: Place, statement: str) -> str:
    words = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
    names = (f"--set=role={place.role}", f"--set=database={DATABASE}")
    where = (f"--host={place.sockets}", "--dbname=postgres")
    try:
        done = _run_as(place.superuser, (*words, *names, *where), statement)
    except FileNotFoundError as problem:
        raise StartError("there is no psql here: apt install postgresql") from problem
    if done.returncode == 0:
        return done.stdout.strip()
    way_out = "systemctl start postgresql, or give [machine] database an address of its own"
    raise StartError(f"the local PostgreSQL refuses: {_reason(done)}\n{way_out}")


def _run_as(user: str, command: Sequence[str], typed: str = "") -> Done:
    if user and os.geteuid() == 0:
        account = find_account(user)
        ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups")
        command = ("setpriv", *ids, "--", *command)
    return subprocess.run(
        command,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
        cwd="/",  # nothing is taken from where root happens to be
    )


async def finish(config: Config, config_file: Path, name: str, words: Language, say: Say) -> None:
    """Do what must belong to the processes' own user: the schema, the keys, the first account.

    Raises:
        StartError: the database cannot be reached, or prepared.
    """
    await migrate_database(config)
    say(words.text("done.database"))
    try:
        told = await accounts.create(config, name, Wish([Role.IT, Role.SITE_MANAGER]))
        say(words.text("done.account", name=name))
        say("\n".join(f"  {line.strip()}" for line in told.splitlines()[1:]))
    except NameTakenError:
        say(words.text("same.account", name=name))
    say(words.text("twin", name=name))
    say(words.text("done.keys", directory=key_directory(config)))
    say(words.text("doctor"))
    say(as_text(await look(config, config_file)))


def set_up(  # noqa: PLR0913 - what the command line was told
    answers: Answers, place: Place, words: Language, say: Say, now: datetime, *, replace: bool
) -> None:
    """Do everything, one line a step, and say how to start.

    Raises:
        ConfigError: the answers contradict one another; nothing was written.
        StartError: a step failed; done again, it goes on from there.
    """
    config = write(answers, place, words, say, replace=replace)
    make_certificates(config, place, words, say, now)
    name = answers.administrator.name
    if config.database.dsn.get_secret_value():
        prepare_database(answers, config, place)
        _finish_as(place, name, words, say)
    else:
        say(words.text("private.database", name=name))
    say(words.text("next"))


def _finish_as(place: Place, name: str, words: Language, say: Say) -> None:
    config_file = str(place.config_file.absolute())
    kvar = (sys.executable, "-I", "-m", "portal", "--config", config_file)
    done = _run_as(place.user, (*kvar, "setup", "--language", words.tag, "--finish", name))
    say(done.stdout.rstrip())
    if done.returncode != 0:
        raise StartError(_reason(done))


def _reason(done: Done) -> str:
    return done.stderr.strip().removeprefix("kvar: ")
