"""Hashes staff passwords with argon2id, off the event loop and never many at once.

Not the rules for a password (portal/domain/password.py). The rule to keep: a name that nobody has
costs as long as one that somebody has.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.domain.identity import Secret

THREADS = 2
MOST_WAITING = 32
"""With 64 MiB and about 0.1 s each; whoever comes on top of that is told to wait."""

Result = TypeVar("Result")


class PasswordsBusyError(Exception):
    """So many passwords are being checked that one more must wait."""


class Passwords:
    """argon2id with the parameters of RFC 9106 section 4 (64 MiB, three passes, four lanes)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys = self._hasher.hash("nobody has this password")

    async def hash(self, password: Secret) -> str:
        """Return the hash to store, its parameters and salt inside.

        Raises:
            PasswordsBusyError: too many are being hashed.
        """
        return await self._run(lambda: self._hasher.hash(password.reveal()))

    async def verify(self, stored: str | None, password: Secret) -> bool:
        """Say whether it is the password; None is never right, and takes as long.

        Raises:
            PasswordsBusyError: too many are being hashed.
        """
        right = await self._run(lambda: self._matches(stored or self._nobodys, password))
        return right and stored is not None

    def is_weak(self, stored: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: Secret) -> bool:
        try:
            return self._hasher.verify(stored, password.reveal())
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= MOST_WAITING:
            raise PasswordsBusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
