"""The doors through which use cases are counted: who counts, and in what, is composition's affair.

Not a log. The rules to keep: an observer neither waits nor fails, and is told of no person and no
device, only of sites, ways in, reasons and lengths of time.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from portal.domain.identity import SiteId
from portal.domain.session import Ground
from portal.domain.verification import Verification
from portal.services.outcomes import RefusalReason


class Outcome(StrEnum):
    """What became of a press on "log in"."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    MISTYPED = "mistyped"
    """Something in the form is missing or has the wrong shape: nobody was asked."""


_MISTYPED = frozenset(
    {
        RefusalReason.CARD_EMPTY,
        RefusalReason.CARD_FORMAT,
        RefusalReason.CARD_PERSONAL_NUMBER,
        RefusalReason.PIN_EMPTY,
        RefusalReason.CODE_EMPTY,
        RefusalReason.CODE_LENGTH,
        RefusalReason.CODE_TYPO,
    }
)


def outcome_of(reason: RefusalReason) -> Outcome:
    """Say whether a refusal is a slip of the finger or one that was judged."""
    return Outcome.MISTYPED if reason in _MISTYPED else Outcome.REFUSED


class SignInObserver(Protocol):
    """Is told of every try to get in."""

    def admitted(self, site_id: SiteId, ground: Ground, access_point: str = "", /) -> None:
        """Count one that was let in; ``access_point`` sent it, "" where nobody knows."""
        ...

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, access_point: str = "", /
    ) -> None:
        """Count one that was not; ``method`` is what it would have been let in for."""
        ...

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        """Count how long a device waited, from its first probe or page to the open gate."""
        ...


class NobodyCounts:
    """A SignInObserver that counts nothing."""

    def admitted(self, site_id: SiteId, ground: Ground, access_point: str = "", /) -> None:
        """See SignInObserver."""

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, access_point: str = "", /
    ) -> None:
        """See SignInObserver."""

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        """See SignInObserver."""


class LibraryObserver(Protocol):
    """Is told of every question to the library system."""

    def answered(self, outcome: Verification, took_s: float) -> None:
        """Count one question; UNAVAILABLE: no answer that could be used."""
        ...

    def not_asked(self) -> None:
        """Count a guest who was answered without a question: the breaker is open."""
        ...


class KeeperObserver(Protocol):
    """Is told what the keeper did. ``now`` is aware and in UTC."""

    def compared(self, now: datetime, mended: int) -> None:
        """Note that gate and database agree, and how many differences there were."""
        ...

    def resynced(self) -> None:
        """Count a lost stream of notifications."""
        ...

    def tidied(self, now: datetime, deleted: int) -> None:
        """Note that nothing is kept longer than said."""
        ...
