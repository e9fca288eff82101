"""The navigation: one entry a part of the site, shown to the roles that may open it.

Not the judgement on who may (routes.py; a test compares the two). A new part is one line here.
"""

from dataclasses import dataclass

from portal.domain.staff_account import EVERY_ROLE, Account, Role

AT_THE_DESK = frozenset({Role.DESK, Role.SITE_MANAGER})
RUNS_THE_SYSTEM = frozenset({Role.IT})
READS_THE_RECORD = frozenset({Role.IT, Role.AUDITOR})
SEES_PERSONS = frozenset({Role.PRIVACY})
LOOKS_ON = frozenset({Role.IT, Role.SITE_MANAGER})
"""Who sees how the libraries do; IT sees the machines as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``path`` is where it leads, and begins the paths of its pages; ``text`` is a text's key."""

    path: str
    text: str
    roles: frozenset[Role]


ENTRIES = (
    Entry("/desk", "nav.desk", AT_THE_DESK),
    Entry("/tutoring", "nav.tutoring", AT_THE_DESK),
    Entry("/overview", "nav.overview", LOOKS_ON),
    Entry("/faults", "nav.faults", LOOKS_ON),
    Entry("/notices", "nav.notices", LOOKS_ON),
    Entry("/log", "nav.log", RUNS_THE_SYSTEM),
    Entry("/audit", "nav.audit", READS_THE_RECORD),
    Entry("/rights", "nav.rights", SEES_PERSONS),
    Entry("/reveal", "nav.reveal", SEES_PERSONS),
    Entry("/accounts", "nav.accounts", READS_THE_RECORD),
    Entry("/account", "nav.account", EVERY_ROLE),
)
"""In the order they are shown; the first that an account may open is its front page."""


def entries_for(account: Account) -> tuple[Entry, ...]:
    """Return what this account sees."""
    return tuple(entry for entry in ENTRIES if account.has_one_of(entry.roles))
