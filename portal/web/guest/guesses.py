"""Guessing from access points that sign nothing: counted by where the browser is.

There whoever opens the portal chooses the device that other limits hang on. Not those limits: they
hold as well (portal/domain/sign_in_limits.py, typed_code.py). The rule to keep: a try counts as
wrong until its answer is known, so that tries at the same moment cannot exceed the budget; what
cannot be guessed, a slip's token, is not counted, so that there is a way in that nobody can block.
In this process's memory: two portals behind one name allow twice as much.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from portal.services.outcomes import RefusalReason, Refused, SignInOutcome
from portal.web.guest.budget import GUESSES, GUESSES_OF_CLIENT, Budget
from portal.web.guest.visit import Visit

_AGAIN_AFTER = timedelta(minutes=1)

_WRONG = frozenset(
    {
        RefusalReason.CREDENTIALS_WRONG,
        RefusalReason.CARD_BLOCKED,
        RefusalReason.CARD_EXPIRED,
        RefusalReason.CODE_UNKNOWN,
        RefusalReason.CODE_EXPIRED,
        RefusalReason.CODE_EARLY,
        RefusalReason.CODE_FULL,
        RefusalReason.CODE_OTHER_SITE,
        RefusalReason.CODE_REVOKED,
    }
)
"""Answers that tell whoever guesses something. The others ask nobody, or say nothing."""


class Guesses:
    """Budgets of browsers' addresses and of RADIUS clients."""

    def __init__(self) -> None:
        self._of_address = Budget(GUESSES)
        self._of_client = Budget(GUESSES_OF_CLIENT)

    async def counted(
        self, visit: Visit, attempt: Callable[[], Awaitable[SignInOutcome]]
    ) -> SignInOutcome:
        """Return what comes of a try; TOO_MANY_ATTEMPTS without trying."""
        mount = visit.mount
        if mount is None or mount.passage.is_proved:
            return await attempt()
        address, client = visit.browser.address, mount.passage.visit.client
        if not self._take(visit, address, client):
            return Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=visit.now + _AGAIN_AFTER)
        outcome = await attempt()
        if not (isinstance(outcome, Refused) and outcome.reason in _WRONG):
            self._of_address.give_back(address)
            self._of_client.give_back(client)
        return outcome

    def _take(self, visit: Visit, address: str, client: str) -> bool:
        if not self._of_address.allows(address, visit.now):
            return False
        if self._of_client.allows(client, visit.now):
            return True
        self._of_address.give_back(address)
        return False
