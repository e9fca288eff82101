"""Keys as files: each made once, by whoever is first, and closed to others.

Not what they are for (key_ring.py). The rule to keep: nobody ever reads half a key, and of several
processes that make one at the same moment all get the same.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import structlog

from portal.services.key_chain import follow, kind_of

KEY_BYTES = 32

_FOR_ALL_TO_READ = 0o007
SHARED = "shared"
"""The key that nodes have in common, so that they make the later ones alike."""

_log = structlog.get_logger()


class KeyRingError(Exception):
    """A key cannot be used: the text names the file and the way out."""


def load_or_create(directory: Path, key_id: str) -> bytes:
    """Return a key; one that is needed for the first time is made.

    Raises:
        KeyRingError: it cannot be read or made.
    """
    path = directory / f"{key_id}.key"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, _following(directory, key_id) or secrets.token_bytes(KEY_BYTES))
        return _load(path)
    except OSError as error:
        raise KeyRingError(f"{path}: {error.strerror}; the portal needs this directory") from error


def _load(path: Path) -> bytes:
    if path.stat().st_mode & _FOR_ALL_TO_READ:
        raise KeyRingError(f"{path} can be read by everybody; chmod 600 it, or make new keys")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyRingError(f"{path} is not a key of {KEY_BYTES} bytes; restore it from the backup")
    return key


def _following(directory: Path, key_id: str) -> bytes | None:
    """Return the key as every node makes it; None: there is nothing that it could follow from."""
    kind, shared = kind_of(key_id), directory / f"{SHARED}.key"
    if kind is None or not shared.exists():
        return None
    earlier = [path for path in directory.glob(f"{kind}*.key") if path.stem < key_id]
    last = max((path for path in earlier if kind_of(path.stem)), default=None)
    return None if last is None else follow(_load(shared), last.stem, _load(last), key_id)


def _create(path: Path, key: bytes) -> None:
    """Write beside and link: whoever is first wins, and nobody reads half a key."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
            _give_to_owner_of(path.parent, file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
            _log.info("key_created", key=path.stem)
    finally:
        draft.unlink()


def _give_to_owner_of(directory: Path, descriptor: int) -> None:
    """Let the portal's user read a key that a command of root's made first."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
