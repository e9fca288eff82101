"""The folder of backups: a new file stands whole or not at all, and old ones go.

Not what a file holds (archive.py). The rule to keep: nothing old is deleted before the new file is
on the disk, and the newest is never deleted.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

KEYS_NAME = "kvar-keys.tar.age"
"""The keys, of one generation: what the retention period destroys is not in the next one."""

UNFINISHED_SUFFIX = ".part"
_NAME = re.compile(r"kvar-(\d{8}T\d{6}Z)\.tar(\.age)?")
_MOMENT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """One whole backup."""

    made_at: datetime
    path: Path


def name_of(made_at: datetime, *, encrypted: bool) -> str:
    """Return the file's name: its time in UTC, to the second."""
    return f"kvar-{made_at.astimezone(UTC):{_MOMENT}}.tar{'.age' if encrypted else ''}"


def backups(directory: Path) -> list[Kept]:
    """Return the whole backups, the oldest first; none where there is no such folder."""
    if not directory.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in directory.iterdir())
    return sorted(
        Kept(datetime.strptime(match[1], _MOMENT).replace(tzinfo=UTC), path)
        for match, path in named
        if match
    )


def rotate(directory: Path, keep: int, longest: timedelta | None, now: datetime) -> list[Path]:
    """Delete all but the newest ``keep``, and what is older than ``longest``; return what went.

    The newest stays, however old. Drafts that an earlier run left behind go too.

    Raises:
        OSError: one could not be deleted.
    """
    older = backups(directory)[:-1]
    too_many = older[: max(0, len(older) + 1 - keep)]
    oldest = datetime.min.replace(tzinfo=UTC) if longest is None else now - longest
    due = [kept.path for kept in older if kept in too_many or kept.made_at < oldest]
    due += list(directory.glob(f"kvar-*.tar*{UNFINISHED_SUFFIX}"))  # anybody else's are left
    for path in due:
        path.unlink(missing_ok=True)
    return due


@contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Make the folder, and wait for another backup that is being made in it.

    Raises:
        OSError: the folder cannot be had.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside its place and move it there once it is on the disk; nobody else reads it.

    Raises:
        OSError: no room, no right; what stood there stands as it was.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED_SUFFIX}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
