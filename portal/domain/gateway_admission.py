"""A device that waits until its gateway asks for it, and says that it let it in.

Some gateways cannot be spoken to; they ask, every few seconds, whom to let in (openNDS with its
authmon). Pure; time is a parameter.
The rule to keep: what was acknowledged is not asked again by a page that only looks, and the same
visitor who comes once more by the gateway's own redirect is: then it did not let the device in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

LISTED_FOR = timedelta(seconds=90)
"""A gateway asks every 5 or 10 s, by its configuration every minute at the latest."""

NEWS_TRAVEL = timedelta(seconds=30)
"""A second press just after the first is no sign that the gateway forgot."""


class Waiting(StrEnum):
    """How far an admission is."""

    LET_IN = "let_in"
    """The gateway said so."""
    ASKED = "asked"
    """It is in the list that the gateway asks for."""
    UNHEARD = "unheard"
    """It was there long enough, and the gateway did not say that it let the device in."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What is kept of one: for which session, since when, and whether the gateway said yes."""

    session_id: UUID
    asked_at: datetime
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """``is_anew``: it stands in the list from now on, as if it had never been there."""

    waiting: Waiting
    is_anew: bool = False


def judge(found: Admission | None, session_id: UUID, now: datetime, *, pressed: bool) -> Judged:
    """Say how far it is. ``pressed``: the visitor has just used a form, and does not only look."""
    if found is None or found.session_id != session_id:
        return Judged(Waiting.ASKED, is_anew=True)
    if found.acknowledged_at is not None:
        if pressed and now - found.acknowledged_at > NEWS_TRAVEL:
            return Judged(Waiting.ASKED, is_anew=True)
        return Judged(Waiting.LET_IN)
    if now - found.asked_at <= LISTED_FOR:
        return Judged(Waiting.ASKED)
    return Judged(Waiting.ASKED if pressed else Waiting.UNHEARD, is_anew=True)
