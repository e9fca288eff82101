"""A staff member's account: what it may do, where, and for how long.

Not a sign-in (portal/services/staff) and not the table of pages (portal/web/staff/routes.py).
The rule to keep: an account says nothing of the person but the name that the organisation gave it.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import SiteId

REVIEW_EVERY = timedelta(days=365)
"""How often somebody else confirms that an account is needed still (MSBFS 2020:7, 4 ch. 4 §)."""

WARN_OF_END = timedelta(days=14)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
"""Also in the database. So narrow that a name can break no log line, page or command."""


class Role(StrEnum):
    """What an account may do; an account can have several."""

    DESK = "desk"
    """Lets visitors in: codes, tutoring."""
    SITE_MANAGER = "site_manager"
    """The same, and what holds for a whole site: presets, printers, all codes of a batch."""
    IT = "it"
    """The running of the system."""
    AUDITOR = "auditor"
    """Reads who did what; changes nothing."""
    PRIVACY = "privacy"
    """Answers people who ask what is kept of them, and opens sealed card numbers."""


EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Account:
    """``sites`` None: every site of the organisation, those to come too."""

    id: UUID
    name: str
    roles: frozenset[Role]
    sites: frozenset[SiteId] | None
    created_at: datetime
    expires_at: datetime | None = None
    disabled: bool = False
    enrolled: bool = False
    """Whether it has a password and a second factor: before that nobody can sign in with it."""

    last_sign_in_at: datetime | None = None
    reviewed_at: datetime | None = None
    """When somebody confirmed that it is needed still."""
    reviewed_by: str | None = None

    def has_expired(self, now: datetime) -> bool:
        """Say whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def is_good(self, now: datetime) -> bool:
        """Say whether anybody may act under it now."""
        return not (self.disabled or self.has_expired(now))

    def ends_soon(self, now: datetime) -> datetime | None:
        """Return when it ends, where that is so soon that its owner should be told."""
        if self.expires_at is None or self.expires_at - now > WARN_OF_END:
            return None
        return self.expires_at

    def review_is_due(self, now: datetime) -> bool:
        """Say whether nobody has looked it over for a year; one that cannot be used needs none."""
        return self.is_good(now) and now - (self.reviewed_at or self.created_at) >= REVIEW_EVERY

    def is_within(self, other: "Account") -> bool:
        """Say whether all that this account is for, the other one is for too."""
        if other.sites is None:
            return True
        return self.sites is not None and self.sites <= other.sites

    def has_one_of(self, roles: Collection[Role]) -> bool:
        """Say whether one of the roles is this account's."""
        return not self.roles.isdisjoint(roles)

    def works_at(self, site_id: SiteId) -> bool:
        """Say whether the account is for this site."""
        return self.sites is None or site_id in self.sites

    def sites_among(self, known: Iterable[SiteId]) -> tuple[SiteId, ...]:
        """Return this account's sites among those that there are, in their order."""
        return tuple(site_id for site_id in known if self.works_at(site_id))


def is_account_name(text: str) -> bool:
    """Say whether an account may be called so."""
    return NAME.fullmatch(text) is not None
