"""Writes what ``kvar setup`` leaves on the disk: the configuration, makeshift certificates.

The rule to keep: doing it twice is doing it once. A file that somebody edited is replaced only on
request, and then kept under another name; none is ever half written.
"""

import os
import pwd
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.setup import configuration, makeshift
from portal.setup.answers import Answers
from portal.supervisor import find_account
from portal.web.texts import Language

DATABASE = "kvar"
"""Its name in the machine's own PostgreSQL."""

PACKAGED_USER = "kvar"

SOCKETS = Path("/var/run/postgresql")
"""Where Debian's PostgreSQL listens."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is done. ``user`` is the one that the processes run as; empty: whoever we are."""

    config_file: Path
    user: str = ""
    sockets: Path = SOCKETS
    superuser: str = "postgres"

    @property
    def role(self) -> str:
        """The database's role: peer authentication wants the user's own name."""
        return self.user or pwd.getpwuid(os.geteuid()).pw_name


def packaged_user() -> str:
    """Return the package's user where we may become it; empty elsewhere."""
    if os.geteuid() != 0:
        return ""
    with suppress(KeyError):
        return pwd.getpwnam(PACKAGED_USER).pw_name
    return ""


def write(answers: Answers, place: Place, words: Language, say: Say, *, replace: bool) -> Config:
    """Write the configuration, and say what became of the one that was there.

    Returns the configuration in effect: a file that was edited by hand stays, unless ``replace``.

    Raises:
        ConfigError: the answers contradict one another, or the file that stays is wrong.
        StartError: it cannot be written.
    """
    text = configuration.render(answers, dsn_of(answers, place), place.user)
    config = parse(text, place.config_file)
    try:
        before = place.config_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as problem:
        raise StartError(f"{place.config_file} cannot be read: {problem}") from problem
    file = place.config_file
    if before == text:
        say(words.text("done.same", file=file))
        return config
    if before and not configuration.is_ours(before) and not replace:
        say(words.text("kept.edited", file=file))
        return parse(before, file)
    copy = file.with_name(file.name + ".old")
    if before:
        _write(copy, before, place)  # first: whatever happens now, it is not lost
    _write(file, text, place)
    if before:
        say(words.text("done.replaced", file=file, copy=copy))
    else:
        say(words.text("done.file", file=file))
    return config


def dsn_of(answers: Answers, place: Place) -> str:
    """Return the database's address; empty: a private one."""
    match answers.machine.database.get_secret_value():
        case "local":
            return local_dsn(place)
        case "private":
            return ""
        case address:
            return address


def local_dsn(place: Place) -> str:
    """Return the address of the database in the machine's own PostgreSQL: a socket, no password."""
    return f"postgresql://{place.role}@/{DATABASE}?host={quote(str(place.sockets), safe='/')}"


def make_certificates(
    config: Config, place: Place, words: Language, say: Say, now: datetime
) -> None:
    """Put makeshift certificates where there are none yet."""
    wanted = [(config.portal.host_name, config.portal.certificate_file)]
    keys = [config.portal.private_key_file]
    if config.staff and config.staff.certificate_file and config.staff.private_key_file:
        wanted.append((config.staff.host_name, config.staff.certificate_file))
        keys.append(config.staff.private_key_file)
    for (name, file), key_file in zip(wanted, keys, strict=True):
        if not file.exists():
            _write(file, _certificate(key_file, name, place, now).decode(), place)
            say(words.text("done.certificate", name=name, file=file))


def _certificate(key_file: Path, name: str, place: Place, now: datetime) -> bytes:
    """Return a makeshift certificate; its key is written, or stands since somebody stopped us.

    Raises:
        StartError: what stands there is no key.
    """
    if not key_file.exists():
        certificate, key = makeshift.make(name, now)
        _write(key_file, key.decode(), place)
        return certificate
    try:
        return makeshift.certify(key_file.read_bytes(), name, now)
    except (OSError, ValueError) as problem:
        raise StartError(f"{key_file} has no certificate, and is no key: {problem}") from problem


def _write(file: Path, text: str, place: Place) -> None:
    """Write it whole, readable by its owner and the processes' group alone."""
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        _make_directory(file.parent, place)
        with open(unfinished, "w", encoding="utf-8", opener=_private) as opened:
            opened.write(text)
        _give(unfinished, place, 0o640)
        unfinished.replace(file)
    except OSError as problem:
        raise StartError(f"{file} cannot be written: {problem.strerror}") from problem


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_directory(directory: Path, place: Place) -> None:
    if not directory.exists():
        _make_directory(directory.parent, place)
        directory.mkdir(mode=0o750)
        _give(directory, place, 0o750)


def _give(path: Path, place: Place, mode: int) -> None:
    if place.user:
        os.chown(path, 0, find_account(place.user).pw_gid)
        path.chmod(mode)
