"""A library system behind a circuit breaker.

Not the breaker's rules (circuit_breaker.py) and not the asking (sip2/client.py). Fails closed:
while the breaker is open every answer is ``UNAVAILABLE``, at once.
The rule to keep: a trial holds no patron's data.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import CheckingLibrary
from portal.library.circuit_breaker import CircuitBreaker, Passage
from portal.services.ports.observing import LibraryObserver

LOOK_INTERVAL_S = 1.0
"""How often ``watch`` looks whether a trial is due."""

_log = structlog.get_logger(__name__)


class GuardedLibrary:
    """``portal.services.ports.LibrarySystem`` that stops asking when no answers come."""

    def __init__(
        self,
        library: CheckingLibrary,
        breaker: CircuitBreaker | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.observer: LibraryObserver | None = None
        self._library = library
        self._breaker = breaker or CircuitBreaker()
        self._monotonic_s = monotonic_s

    @property
    def is_open(self) -> bool:
        """True while guests are answered without asking the library system."""
        return self._breaker.is_open

    def breaker_is_open(self) -> bool:
        """Say the same, for who asks later."""
        return self.is_open

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        """Ask once, or answer at once while the library system is known to be away."""
        observer = self.observer
        if not await self._may_ask():
            if observer is not None:
                observer.not_asked()
            return Verification.UNAVAILABLE
        began_s = self._monotonic_s()
        checked = await self._library.check(card, pin)
        if observer is not None:
            observer.answered(checked.outcome, self._monotonic_s() - began_s)
        if checked.neighbour_failed:
            self._change(lambda: self._breaker.record_failure(self._monotonic_s()))
        elif checked.outcome is not Verification.UNAVAILABLE:
            self._change(self._breaker.record_answer)
        return checked.outcome

    async def answers(self) -> bool:
        """Say whether it takes questions now; while the breaker is open, by its trials alone."""
        if self.is_open:
            return await self._may_ask()
        checked = await self._library.ping()
        if checked.neighbour_failed:
            self._change(lambda: self._breaker.record_failure(self._monotonic_s()))
        return checked.outcome is Verification.OK

    async def watch(self) -> None:
        """Make the trials when they are due, so that no guest has to wait for one; never returns.

        Without it the breaker still closes: then a guest's login makes the trial.
        """
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            if self.is_open:
                await self._may_ask()

    async def _may_ask(self) -> bool:
        passage = self._breaker.request(self._monotonic_s())
        if passage is Passage.TRY:
            return await self._try()
        return passage is Passage.ASK

    async def _try(self) -> bool:
        """One trial; cancelled (the guest left) or kept from asking, another may try."""
        answered: bool | None = None
        try:
            checked = await self._library.ping()
            if checked.neighbour_failed or checked.outcome is not Verification.UNAVAILABLE:
                answered = not checked.neighbour_failed
        finally:
            now = self._monotonic_s()
            self._change(lambda: self._breaker.end_trial(now, answered=answered))
        return answered is True

    def _change(self, change: Callable[[], None]) -> None:
        was_open = self._breaker.is_open
        change()
        if self._breaker.is_open and not was_open:
            _log.error("library_circuit_opened")
        elif was_open and not self._breaker.is_open:
            _log.info("library_circuit_closed")
