"""Does what ``kvar setup`` has asked about: files, database, keys, the first account.

The rule to keep: doing it twice is doing it once. What is there already is left, and said so.
"""

import sys
from datetime import datetime
from pathlib import Path

from portal.composition import accounts
from portal.composition.accounts import NameTakenError, Wish
from portal.composition.database import key_directory, migrate_database
from portal.composition.doctor import look
from portal.composition.local_postgres import prepare_database, reason, run_as
from portal.composition.setup_files import Place, Say, dsn_of, make_certificates, write
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.doctor.finding import as_text
from portal.domain.staff_account import Role
from portal.setup import configuration
from portal.setup.answers import Answers
from portal.setup.dialogue import Guess
from portal.setup.shapes import likely_interfaces
from portal.web.texts import Language

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")


def guess() -> Guess:
    """Return which interfaces look like the guests' and the internet's."""
    default = "00000000"
    rows = [line.split() for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]]
    uplinks = [row[0] for row in rows if row[1] == default]
    names = sorted(path.name for path in _INTERFACES.iterdir())
    return Guess(*likely_interfaces(names, towards_internet=uplinks[0] if uplinks else ""))


def refuse_contradictions(answers: Answers, place: Place) -> None:
    """Refuse answers of which no configuration can be made.

    Raises:
        ConfigError: they contradict one another; it says where.
    """
    parse(configuration.render(answers, dsn_of(answers, place), place.user), place.config_file)


def refuse_edited(place: Place) -> None:
    """Refuse to ask nine questions for nothing.

    Raises:
        StartError: the file that stands there was edited by hand, so that answers would not count.
    """
    try:
        text = place.config_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return  # none, or one of which the next step tells
    if not configuration.is_ours(text):
        raise StartError(
            f"{place.config_file} was edited by hand, so answers would not be used. New ones in "
            "its place, keeping a copy: kvar setup --replace. To go on with it as it is: "
            "kvar config check, then systemctl start kvar-migrate and kvar account create NAME "
            "--role it"
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
        prepare_database(config, place)
        _finish_as(place, name, words, say)
    else:
        say(words.text("private.database", name=name))
    say(words.text("next"))


def _finish_as(place: Place, name: str, words: Language, say: Say) -> None:
    config_file = str(place.config_file.absolute())
    kvar = (sys.executable, "-I", "-m", "portal", "--config", config_file)
    done = run_as(place.user, (*kvar, "setup", "--language", words.tag, "--finish", name))
    say(done.stdout.rstrip())
    if done.returncode != 0:
        raise StartError(reason(done))
