"""What was found for somebody, kept for minutes under a word that no address could guess.

Not the database: what a card or a device led to stands in this process's memory only, so that an
address of the console holds neither. The rules to keep: a finding is its finder's alone, is gone
after ten minutes, and there are never more than so many.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

KEPT = timedelta(minutes=10)
MOST = 200
"""Some kB each; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``value`` is what the page that it belongs to made of it."""

    account: UUID
    until: datetime
    value: object = field(repr=False)


class Findings:
    """Findings of everybody, by their words."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Finding] = OrderedDict()

    def keep(self, account: UUID, value: object, now: datetime) -> str:
        """Keep it, and return its word."""
        self.forget(now)
        while len(self._kept) >= MOST:
            self._kept.popitem(last=False)
        word = secrets.token_urlsafe(16)
        self._kept[word] = Finding(account, now + KEPT, value)
        return word

    def find(self, word: str, account: UUID, now: datetime) -> Finding | None:
        """Return the account's own finding, None where there is none such (any more)."""
        self.forget(now)
        found = self._kept.get(word)
        return found if found is not None and found.account == account else None

    def forget(self, now: datetime) -> None:
        """Forget what is old."""
        for word, found in list(self._kept.items()):
            if found.until <= now:
                del self._kept[word]
