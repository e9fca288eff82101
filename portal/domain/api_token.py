"""A token of the API: what another program of the organisation may do, where, and until when.

Not the token itself, of which only a hash is kept (portal/services/api_tokens.py). The rule to
keep: a token may do what its scopes say, at its sites, and nothing follows from anything else.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.staff_account import NAME

PREFIX = "kvar_"
"""By which a secret that was published by mistake is found and known."""

TOKEN_BYTES = 32
"""256 bits: nobody guesses it, so that its hash need not be slow."""

LONGEST_LIFE = timedelta(days=366)
"""A token that everybody has forgotten ends by itself."""

USE_NOTED_EVERY = timedelta(minutes=1)
"""That a token is in use is written no more often."""

_TOKEN = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
"""32 bytes in URL-safe Base64 (RFC 4648, section 5) without the padding."""


class Scope(StrEnum):
    """What a token may do; a token can have several, and none contains another."""

    READ = "vouchers:read"
    """See vouchers, without their codes."""
    WRITE = "vouchers:write"
    """Make, turn off and extend vouchers."""
    CODES = "vouchers:codes"
    """See the codes of what it makes, and of what it prints again."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """``sites`` None: every site of the organisation, those to come too."""

    id: UUID
    name: str
    scopes: frozenset[Scope]
    sites: frozenset[SiteId] | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Say whether anything may be done with it now."""
        return self.revoked_at is None and now < self.expires_at

    def has_all(self, scopes: Collection[Scope]) -> bool:
        """Say whether all these scopes are this token's."""
        return self.scopes.issuperset(scopes)

    def works_at(self, site_id: SiteId) -> bool:
        """Say whether the token is for this site."""
        return self.sites is None or site_id in self.sites

    def sites_among(self, known: Iterable[SiteId]) -> tuple[SiteId, ...]:
        """Return this token's sites among those that there are, in their order."""
        return tuple(site_id for site_id in known if self.works_at(site_id))

    def use_is_to_note(self, now: datetime) -> bool:
        """Say whether its last use was noted so long ago that this one is to be noted."""
        return self.last_used_at is None or now - self.last_used_at >= USE_NOTED_EVERY


def is_token_name(text: str) -> bool:
    """Say whether a token may be called so: as an account may."""
    return NAME.fullmatch(text) is not None


def looks_like_token(text: str) -> bool:
    """Say whether somebody may have been given this text as a token."""
    return _TOKEN.fullmatch(text) is not None
