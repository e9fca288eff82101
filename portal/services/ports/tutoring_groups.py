"""The door to tutoring groups: who may come in by which room code, and how many are in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.identity import SiteId, Subject
from portal.domain.session import EndReason, Session
from portal.domain.tutoring import Group
from portal.domain.typed_code import CodeLimits
from portal.services.ports import Opening
from portal.services.ports.typed_codes import HeldBack


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group that is to start, with the keyed hash of its code (32 bytes)."""

    id: UUID
    site_id: SiteId
    code: Subject
    starts_at: datetime
    ends_at: datetime
    most_devices: int


@dataclass(frozen=True, slots=True)
class CodeTried:
    """A code typed at a site: its keyed hash, and that of the device under the live key."""

    code: Subject
    device: Subject
    site_id: SiteId


CodeAnswer = Group | HeldBack
"""A group that is over is told as it is, and counts as no guess."""


@dataclass(frozen=True, slots=True)
class GroupOver:
    """The group ended meanwhile, or its window ran out."""


@dataclass(frozen=True, slots=True)
class GroupFull:
    """All its places are taken."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The session that is now protected as a member's; ``is_new``: it started with this."""

    session: Session
    is_new: bool


JoinAnswer = Joined | GroupOver | GroupFull


class Groups(Protocol):
    """Tutoring groups. Every method raises DatabaseUnavailableError."""

    async def start(self, group: NewGroup, by: str) -> Group | None:
        """Start a group for the employee ``by``; None when a live group has this code."""
        ...

    async def keep_code(self, group: Group, sealed: bytes) -> None:
        """Keep the room code, sealed, for the tutor's screen; it goes when the group ends."""
        ...

    async def kept_code(self, group: Group) -> bytes | None:
        """Return the sealed room code; None: it was not kept, or the group has ended."""
        ...

    async def try_code(self, tried: CodeTried, limits: CodeLimits, now: datetime) -> CodeAnswer:
        """Return whose code it is, or count the guess; guesses at once cannot exceed a limit."""
        ...

    async def join(self, group: Group, opening: Opening) -> JoinAnswer:
        """Protect the device's running session, or start the one of ``opening``, as a member's.

        In one transaction, and never more than ``most_devices`` at a time.
        """
        ...

    async def live(self, site_id: SiteId, now: datetime) -> list[tuple[Group, int]]:
        """Return the site's groups that nobody ended, by number, and how many devices are in."""
        ...

    async def members(self, group: Group) -> list[Session]:
        """Return the sessions of the group's devices."""
        ...

    async def prolong(
        self, group: Group, until: datetime, by: str, now: datetime
    ) -> tuple[Group, Sequence[Session]] | None:
        """Move the window's end and its members' protection; None when the group has ended."""
        ...

    async def end(
        self,
        group: Group,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> Sequence[Session] | None:
        """End the group and return who was in it; None when it had ended before.

        Its members are protected no more, unless a tutor holds them by their own number; ``ends``
        tells when and why which session ends from now on.
        """
        ...
