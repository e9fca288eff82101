"""Who may open a page: every route carries one of these, or it cannot be made.

Not the judgement (application.py). The rule to keep: a page that does something at a site says so,
and then the account must be for that site.
"""

from dataclasses import dataclass

from portal.domain.staff_account import Role
from portal.domain.staff_session import Stage


@dataclass(frozen=True, slots=True)
class Anyone:
    """Signed in or not."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Signed in, locked or not: what must work on a locked screen."""


@dataclass(frozen=True, slots=True)
class InStage:
    """On the way in: only at this stage of it."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Staff:
    """Signed in, not locked, with one of the roles; ``at_site``: and at a site of the account's."""

    roles: frozenset[Role]
    at_site: bool


Access = Anyone | SignedIn | InStage | Staff
