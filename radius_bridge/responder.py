"""Carries requests from the pipeline to the policy and the ledger, and their answers back.

Neither sockets (server.py) nor rules of the protocol (pipeline.py). It serves all listeners of a
process at once.
The rule to keep: everything that waits is counted and has a limit, for each client too, so that
one that floods waits in its own queue; what does not fit gets no answer, and comes again.
Fails closed: a policy that fails or takes too long is silence, so that the access point asks
another server; a ledger that fails is silence, so that the record comes again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from radius_bridge.access import AccessPolicy
from radius_bridge.accounting import Ledger, NotWrittenError
from radius_bridge.clients import Clients, RadiusClient
from radius_bridge.groups import Groups
from radius_bridge.pipeline import (
    AccessWork,
    AccountingWork,
    Answer,
    Discard,
    Moment,
    Origin,
    Pipeline,
)

Send = Callable[[bytes], None]
"""Sends a reply to where its request came from; called at once or later, at most once."""

_Waiting = tuple[AccountingWork, Send]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait. In brackets: of one client."""

    batch: int = 512
    """Records written together: beyond this, a transaction gets longer, but not cheaper."""
    beside: int = 1
    """Groups that are written beside another: what the one computes, the other waits for."""
    records: int = 16_384
    records_of_client: int = 8_192
    """Half a second of writing at the rate that PostgreSQL takes."""
    questions: int = 1_024
    questions_of_client: int = 512
    """Each may wait for the library system; the database has no more connections for more."""
    delayed: int = 8_192
    delayed_of_client: int = 2_048
    """Rejects that wait for their second."""
    ask_timeout_s: float = 5.0
    """An access point that asks again meanwhile gets the answer to what it sent first."""
    unwell_s: float = 5.0
    """So long after a failed write Status-Server gets no answer. Then whoever only asks how we are
    sends records again: they tell whether it is over."""


class _Room:
    """How much waits, in all and of each client."""

    def __init__(self, total_max: int, of_client_max: int) -> None:
        self._total_max = total_max
        self._of_client_max = of_client_max
        self._total = 0
        self._clients: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Take a place; False when there is none."""
        if self._total >= self._total_max or self._clients[client] >= self._of_client_max:
            return False
        self._total += 1
        self._clients[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Give the place back."""
        self._total -= 1
        self._clients[client] -= 1


class Responder:
    """Answers requests. `handle` works while `run` runs."""

    def __init__(
        self,
        pipeline: Pipeline,
        policy: AccessPolicy,
        ledger: Ledger,
        now: Callable[[], Moment],
        limits: Limits | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.now = now
        self._policy = policy
        self._ledger = ledger
        self._limits = limits = limits or Limits()
        self._records = Groups[_Waiting](self._write_group, limits.batch, limits.beside)
        self._record_room = _Room(limits.records, limits.records_of_client)
        self._question_room = _Room(limits.questions, limits.questions_of_client)
        self._delayed_room = _Room(limits.delayed, limits.delayed_of_client)
        self._tasks: asyncio.TaskGroup | None = None
        self._recovery: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Ask and write until cancelled. Announces first which clients are served unproved."""
        self._announce(self.pipeline.clients)
        async with asyncio.TaskGroup() as self._tasks:
            await self._records.run()

    def reload(self, clients: Clients) -> None:
        """Serve these clients from the next request on; what is in work keeps its own secret."""
        self.pipeline.clients = clients
        self._announce(clients)

    def handle(
        self, octets: bytes, client: RadiusClient, origin: Origin, now: Moment, send: Send
    ) -> Discard | None:
        """Take a request: it is answered by `send`, now or later, or there is no answer."""
        taken = self.pipeline.receive(octets, client, origin, now)
        if isinstance(taken, AccessWork):
            return self._decide(taken, send)
        if isinstance(taken, AccountingWork):
            return self._queue(taken, send)
        if isinstance(taken, Discard):
            return self._told(client, taken)
        send(taken)
        return None

    def _decide(self, work: AccessWork, send: Send) -> Discard | None:
        try:
            decision = work.decision
            if decision is None:
                decision = self._policy.know(work.question)
            if decision is not None:
                return self._finish(work, self.pipeline.answer(work, decision), send)
        except Exception:  # noqa: BLE001 - the boundary of one request
            return self._failed(work)
        return self._ask(work, send)

    def _finish(self, work: AccessWork, answer: Answer | Discard, send: Send) -> Discard | None:
        if not isinstance(answer, Answer):
            return self._told(work.client, answer)
        octets, delay_s = answer
        if not delay_s:
            self.pipeline.sent(work, octets)
            send(octets)
            return None
        client = work.client.name
        if not self._delayed_room.enter(client):
            return self._abandon(work, Discard.OVERLOAD)
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, self._release, work, octets, send)
        return None

    def _release(self, work: AccessWork, octets: bytes, send: Send) -> None:
        self._delayed_room.leave(work.client.name)
        self.pipeline.sent(work, octets)
        send(octets)

    def _ask(self, work: AccessWork, send: Send) -> Discard | None:
        client = work.client.name
        if self._tasks is None or not self._question_room.enter(client):
            return self._abandon(work, Discard.OVERLOAD)
        self._tasks.create_task(self._wait_for_policy(work, send), name="radius-question")
        return None

    async def _wait_for_policy(self, work: AccessWork, send: Send) -> None:
        try:
            async with asyncio.timeout(self._limits.ask_timeout_s):
                decision = await self._policy.ask(work.question)
            self._finish(work, self.pipeline.answer(work, decision), send)
        except TimeoutError:
            self._abandon(work, Discard.UNDECIDED)
        except Exception:  # noqa: BLE001 - the boundary of one request
            self._failed(work)
        finally:
            self._question_room.leave(work.client.name)

    def _failed(self, work: AccessWork) -> Discard:
        """The boundary of one request: a bug costs its answer, and is told whole."""
        _log.exception("a question of client %s failed", work.client.name)
        return self._abandon(work, Discard.FAILED)

    def _queue(self, work: AccountingWork, send: Send) -> Discard | None:
        if not self._record_room.enter(work.client.name):
            return self._abandon(work, Discard.OVERLOAD)
        self._records.add((work, send))
        return None

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        await self._write(group)
        for work, _ in group:
            self._record_room.leave(work.client.name)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        """Write records and answer them. One that fails by a bug does not hold up the others."""
        try:
            await self._ledger.write([work.record for work, _ in batch])
        except NotWrittenError:
            self._set_unwell()
            for work, _ in batch:
                self._abandon(work, Discard.NOT_WRITTEN)
        except Exception:  # noqa: BLE001 - the boundary of one request, when it is alone
            if len(batch) > 1:
                for one in batch:
                    await self._write([one])
                return
            work, _ = batch[0]
            _log.exception("a record of client %s failed", work.client.name)
            self._abandon(work, Discard.FAILED)
        else:
            self._set_well()
            for work, send in batch:
                self._acknowledge(work, send)

    def _set_unwell(self) -> None:
        self._set_well()
        self.pipeline.can_account = False
        loop = asyncio.get_running_loop()
        self._recovery = loop.call_later(self._limits.unwell_s, self._set_well)

    def _set_well(self) -> None:
        self.pipeline.can_account = True
        if self._recovery is not None:
            self._recovery.cancel()
            self._recovery = None

    def _acknowledge(self, work: AccountingWork, send: Send) -> None:
        reply = self.pipeline.acknowledge(work)
        self.pipeline.sent(work, reply)
        send(reply)

    def _announce(self, clients: Clients) -> None:
        for client in clients.all:
            if not client.require_message_authenticator:
                _log.warning(
                    "client %s is served without Message-Authenticator: whoever can send in its "
                    "name can have any password tried, and forge what we answer (CVE-2024-3596)",
                    client.name,
                )

    def _abandon(self, work: AccessWork | AccountingWork, why: Discard) -> Discard:
        return self._told(work.client, self.pipeline.abandon(work, why))

    def _told(self, client: RadiusClient, why: Discard) -> Discard:
        """Say in the log why there is no answer, once a minute for the same reason."""
        if why.is_news:
            now_s = self.now().monotonic_s
            report = self.pipeline.counters.report(client.name, why, now_s)
            if report is not None:
                _log.warning("client %s: %d without answer: %s", client.name, report.times, why)
        return why
