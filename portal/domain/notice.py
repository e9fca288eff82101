"""A message on guests' and staff's pages: planned work, an outage, a changed room.

Not an event, and nothing of a guest's. The rule to keep: it ends by itself, in both languages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.identity import SiteId

LONGEST_WORDS = 300
"""Characters: two sentences, and a login page stays within its 14 kB with three of them."""

LONGEST_SHOWN = timedelta(days=60)
"""What is said for longer is the library's own text, and nobody reads it any more."""

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """``site_id`` None: at every library. ``by`` is the account that wrote it."""

    id: UUID
    site_id: SiteId | None
    sv: str
    en: str
    from_at: datetime
    until_at: datetime
    made_at: datetime
    by: str

    def words(self, tag: str) -> tuple[str, str]:
        """Return the words for a reader of the language, and the language they are in."""
        return (self.sv, "sv") if tag == "sv" else (self.en, "en")


def plain(text: str) -> str:
    """Return what somebody wrote, on one line and without what cannot be printed."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())


def shown(notices: Iterable[Notice], site_ids: Iterable[SiteId], now: datetime) -> Sequence[Notice]:
    """Return those to be shown at these libraries now, the newest first."""
    places = {None, *site_ids}
    due = [one for one in notices if one.from_at <= now < one.until_at and one.site_id in places]
    return sorted(due, key=lambda one: (one.from_at, one.made_at), reverse=True)[:MOST_SHOWN]
