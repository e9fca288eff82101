"""A library system asked over SIP2: does this card go with this PIN?

Not a session: each login has a connection of its own and sends one message about the patron.
Nothing about the patron is ever sent twice by our own decision, because each time may count as a
PIN attempt. The door fails closed: whatever goes wrong, the answer is not OK.
The rule to keep: logs name the reason, never a card, a PIN or a frame.
"""

import ipaddress
from enum import StrEnum
from functools import partial

import structlog

from portal.clock import utc_now
from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.sip2 import wire
from portal.library.sip2.connection import Connection, ExchangeError, Fault, Reply
from portal.library.sip2.settings import Sip2Settings, TlsMode
from portal.library.sip2.tls import load_protection
from portal.library.sip2.verdict import is_about, judge
from portal.library.turns import Turns
from portal.services.ports import Clock

_log = structlog.get_logger(__name__)


class Refusal(StrEnum):
    """Why an answer that was read well gives no access for anybody, or none was asked for."""

    LOGIN_REFUSED = "login_refused"
    OFFLINE = "offline"
    PIN_NOT_CHECKED = "pin_not_checked"
    OTHER_PATRON = "answer_for_other_patron"
    UNSENDABLE = "unsendable"


class Sip2Library:
    """``portal.services.ports.LibrarySystem`` over SIP2, with ``check`` and ``ping`` beside it.

    Raises:
        Sip2SettingsError: on construction, when a certificate file cannot be read.
    """

    def __init__(self, settings: Sip2Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._protection = load_protection(settings.tls)
        self._turns = Turns(
            settings.maximum_connections, settings.maximum_waiting, settings.login_timeout_s
        )
        self._log = _log.bind(library=settings.host, port=settings.port)
        if settings.tls.mode is TlsMode.OFF and not _is_this_machine(settings.host):
            self._log.warning("library_link_left_in_plain_text")

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        """Ask once, within the configured deadlines. Never raises for a broken neighbour."""
        return (await self.check(card, pin)).outcome

    async def check(self, card: Secret, pin: Secret) -> Checked:
        """Ask like ``verify``, and tell why."""
        query = wire.PatronQuery(
            message=self._settings.message,
            card=card,
            pin=pin,
            sent_at=self._clock().astimezone(),
            language=self._settings.language,
            institution_id=self._settings.institution_id,
            terminal_password=self._settings.terminal_password,
        )
        try:
            wire.encode(query, self._settings.dialect)
        except wire.UnsendableError:
            return Checked(Verification.BAD_CREDENTIALS, Refusal.UNSENDABLE)
        return self._logged(await self._run(query))

    async def answers(self) -> bool:
        """Say whether it takes questions now; False as well while our own queue is full."""
        return (await self.ping()).outcome is Verification.OK

    async def ping(self) -> Checked:
        """Log in and ask for the server's status, with no patron in it."""
        return self._logged(await self._run(None))

    async def _run(self, query: wire.PatronQuery | None) -> Checked:
        """Hold a place and the deadline of a login around the dialogue."""
        try:
            return await self._turns.take(partial(self._talk, query))
        except ExchangeError as error:
            failed = error.outcome is Verification.UNAVAILABLE
            return Checked(error.outcome, error.reason, neighbour_failed=failed)

    async def _talk(self, query: wire.PatronQuery | None) -> Checked:
        async with await Connection.open(self._settings, self._protection) as connection:
            await self._introduce(connection)
            if query is None:
                return Checked(Verification.OK)
            return self._judge(query, await connection.ask(query))

    async def _introduce(self, connection: Connection) -> None:
        """Send 93, then 99: some close on a 99 before 93, some need the version in either."""
        settings = self._settings
        if settings.login_user:
            login = wire.Login(settings.login_user, settings.login_password, settings.location_code)
            answer = (await connection.ask(login)).answer
            if not isinstance(answer, wire.LoginAnswer):
                raise ExchangeError(Fault.CODE_UNEXPECTED)
            if not answer.accepted:
                raise ExchangeError(Refusal.LOGIN_REFUSED, Verification.REFUSED_BY_SERVER)
        if settings.send_status or not settings.login_user:
            status = (await connection.ask(wire.ScStatus())).answer
            if not isinstance(status, wire.StatusAnswer):
                raise ExchangeError(Fault.CODE_UNEXPECTED)
            if not status.online:
                raise ExchangeError(Refusal.OFFLINE)

    def _judge(self, query: wire.PatronQuery, reply: Reply) -> Checked:
        answer = reply.answer
        if not isinstance(answer, wire.PatronAnswer) or answer.message is not query.message:
            raise ExchangeError(Fault.CODE_UNEXPECTED)
        alias_allowed = self._settings.allow_aliases and reply.in_sequence
        if not is_about(answer, query.card) and not alias_allowed:
            raise ExchangeError(Refusal.OTHER_PATRON)
        outcome = judge(answer, self._settings.policy, query.sent_at.date())
        reason = Refusal.PIN_NOT_CHECKED if outcome is Verification.NOT_VERIFIED else ""
        return Checked(outcome, reason)

    def _logged(self, checked: Checked) -> Checked:
        match checked.outcome:
            case Verification.NOT_VERIFIED:
                self._log.error("library_left_pin_unchecked", reason=str(checked.reason))
            case Verification.REFUSED_BY_SERVER:
                self._log.error("library_refused_the_portal", reason=str(checked.reason))
            case Verification.UNAVAILABLE:
                self._log.warning("library_gave_no_answer", reason=str(checked.reason))
            case _:
                pass
        return checked


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
