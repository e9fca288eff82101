"""Adapter: the bridge's questions, asked of the services (radius_bridge.access.AccessPolicy).

Not the decisions (portal/services/network_access.py). The rule to keep: a device that is named by
its address alone never reaches a card, a PIN or a code; a login token names a device at an access
point and nothing else; and what is answered from memory needs nobody. Fails closed: who cannot be
asked about meets the portal.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from portal.access_points.card_logins import CardLogins
from portal.access_points.grants import (
    Terms,
    cui_of,
    grant_of,
    grant_of_allowed,
    place_of,
    terms_of,
)
from portal.access_points.refusal_words import message_for, wrong
from portal.domain import login_token, visit_token
from portal.domain.access_point import AccessPoint
from portal.domain.identity import Device, MacAddress
from portal.domain.session import Session
from portal.domain.typed_code import NoCode
from portal.domain.visit_token import Visit
from portal.domain.voucher_code import read_voucher_code
from portal.services.network_access import NetworkAccess
from portal.services.outcomes import Admitted, SignInOutcome
from portal.services.places import Places
from portal.services.ports import Clock
from radius_bridge.access import AccessQuestion, Decision, Grant, Refuse, Silence, ToPortal
from radius_bridge.credentials import Fits, NoPassword, PasswordLogin, check
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import Reach
from radius_bridge.vendors.registry import family_of

LONGEST_NAME = 64
"""Octets of a user name: no card number or code is longer."""

LONGEST_ACCOUNTING_ID = 32
"""Octets that go into a visit's token: the address must fit into one attribute (Cisco)."""


@dataclass(frozen=True, slots=True)
class PolicyKeys:
    """Keys of the key ring, each for one purpose."""

    visit: bytes = field(repr=False)
    login: bytes = field(repr=False)
    cui: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """``portal_url`` is where a visit's token is appended; ``language`` is the organisation's."""

    keys: PolicyKeys
    portal_url: str
    language: str


class _Served(NamedTuple):
    """An access point, and what its devices may do."""

    access_point: AccessPoint
    terms: Terms


class _Asked(NamedTuple):
    """A question about a device at an access point that we serve."""

    question: AccessQuestion
    access_point: AccessPoint
    terms: Terms
    mac: MacAddress
    now: datetime

    @property
    def device(self) -> Device:
        """Whom the services are asked about; who is known by address alone needs none."""
        return Device(self.mac, self.access_point.site_id, self.access_point.name)


_Told = tuple[Decision, Session | None]
"""A decision, and the session that it lets in; None: none, or it is no grant."""


class RadiusPolicy:
    """``tasks`` hold the logins that go on when an access point has lost its patience."""

    def __init__(
        self,
        settings: PolicySettings,
        access: NetworkAccess,
        places: Places,
        tasks: asyncio.TaskGroup,
        clock: Clock,
    ) -> None:
        self.access_points: Mapping[str, AccessPoint] = {}
        self._served: Mapping[str, _Served] = {}
        self._settings = settings
        self._access = access
        self._places = places
        self._tasks = tasks
        self._clock = clock
        self._cards = CardLogins(access.with_card, tasks)
        self.hears: Callable[[str, str], bool] = _all_hear
        """Says whether a client's access point at an address heard whom it was to put out."""

    def serve(self, access_points: Mapping[str, AccessPoint]) -> None:
        """Answer these from now on."""
        self.access_points = access_points
        self._served = {name: _Served(one, terms_of(one)) for name, one in access_points.items()}

    def know(self, question: AccessQuestion) -> Decision | None:
        """Answer from memory; None: it has to be asked."""
        asked = self._read(question)
        if asked is None:
            return Refuse()
        if question.is_mac_authentication:
            told = self._know_device(asked)
        elif login_token.is_login_name(question.station.user_name):
            told = self._know_login(asked)
        else:
            return None
        return None if told is None else self._noted(asked, told)

    async def ask(self, question: AccessQuestion) -> Decision:
        """Answer with what has to be looked up."""
        asked = self._read(question)
        if asked is None:
            return Refuse()
        if question.is_mac_authentication:
            return self._noted(asked, await self._ask_device(asked))
        if login_token.is_login_name(question.station.user_name):
            return self._noted(asked, await self._ask_login(asked))
        return self._noted(asked, await self._ask_typed(asked))

    def _read(self, question: AccessQuestion) -> _Asked | None:
        served, mac = self._served.get(question.client.name), question.station.mac
        if served is None or mac is None:
            return None
        access_point, terms = served
        return _Asked(question, access_point, terms, MacAddress(mac), self._clock())

    def _know_device(self, asked: _Asked) -> _Told | None:
        mac = asked.mac
        if mac in asked.access_point.allowed_devices:
            return grant_of_allowed(asked.terms), None
        session = self._access.session(mac, asked.now)
        if session is not None:
            return self._grant(asked, session)
        return (self._portal(asked), None) if self._access.is_stranger(mac) else None

    async def _ask_device(self, asked: _Asked) -> _Told:
        session = await self._access.look_for(asked.device)
        if session is not None:
            return self._grant(asked, session)
        return (self._portal(asked) if self._access.knows else Silence()), None

    def _know_login(self, asked: _Asked) -> _Told | None:
        fits = self._fits_token(asked)
        if fits is None:
            return self._wrong()
        session = self._access.session(asked.mac, asked.now)
        return None if session is None else self._grant(asked, session, fits)

    async def _ask_login(self, asked: _Asked) -> _Told:
        """The portal let the device in a moment ago, and memory does not know of it yet."""
        fits = self._fits_token(asked)
        session = None if fits is None else await self._access.look_for(asked.device)
        if session is None or fits is None:
            return self._wrong()
        return self._grant(asked, session, fits)

    def _wrong(self) -> _Told:
        return Refuse(wrong(self._settings.language)), None

    def _fits_token(self, asked: _Asked) -> Fits | None:
        name = asked.question.station.user_name
        key, client = self._settings.keys.login, asked.access_point.name
        password = login_token.password_of(key, name, asked.mac, client, asked.now)
        if password is None:
            return None
        return check(asked.question.credential, Secret(password.reveal().encode()))

    async def _ask_typed(self, asked: _Asked) -> _Told:
        """What somebody typed into the access point's own form: a code, or card and PIN."""
        name = _text(asked.question.station.user_name)
        if name is None:
            return self._wrong()
        fits = _fits_code(asked.question, name)
        if fits is not None:
            with_code = self._access.with_code(asked.device, name, asked.now)
            return self._answer(asked, await with_code, fits)
        credential = asked.question.credential
        if isinstance(credential, PasswordLogin) and asked.access_point.card_login:
            pin = _text(credential.password.reveal())
            if pin is not None:
                login = self._cards.ask(asked.device, name, pin, asked.now)
                return self._answer(asked, await login, Fits())
        return self._wrong()

    def _answer(self, asked: _Asked, outcome: SignInOutcome | None, fits: Fits) -> _Told:
        if outcome is None:
            return Silence(), None
        if isinstance(outcome, Admitted):
            return self._grant(asked, outcome.session, fits)
        return Refuse(message_for(outcome.reason, self._settings.language)), None

    def _grant(self, asked: _Asked, session: Session, fits: Fits | None = None) -> _Told:
        question = asked.question
        reach = _reach(question, asked.terms.role)
        if reach is _EXPEL and not self.hears(question.client.name, question.station.source_ip):
            reach = Reach.NOTHING
        grant = grant_of(session, asked.terms, asked.now, reach)
        if fits is not None and fits.proof:
            grant = replace(grant, proof=fits.proof)
        if not question.asks_for_cui:
            return grant, session
        cui = cui_of(self._settings.keys.cui, session)
        return replace(grant, cui=cui), session

    def _portal(self, asked: _Asked) -> ToPortal:
        station = asked.question.station
        accounting_id = station.accounting_session_id or b""
        visit = Visit(
            asked.mac,
            asked.access_point.site_id,
            asked.access_point.name,
            station.ip or "",
            accounting_id if len(accounting_id) <= LONGEST_ACCOUNTING_ID else b"",
        )
        token = visit_token.issue(self._settings.keys.visit, visit, asked.now)
        access_point = asked.access_point
        url = f"{self._settings.portal_url}{token}/?"  # the slash: its links are relative
        return ToPortal(url, access_point.portal_role, access_point.portal_vlan)

    def _noted(self, asked: _Asked, told: _Told) -> Decision:
        """Remember where the device is, and what its access point is told.

        A refused login says nothing of a device that is in already, or at the portal.
        """
        decision, session = told
        if isinstance(decision, _SAYS_NOTHING):
            return decision
        told_of = _told_of(decision, session)
        station, client, now = asked.question.station, asked.access_point.name, asked.now
        is_in, said = isinstance(decision, Grant), (client, station, session and session.id)
        if is_in and self._places.note_again(asked.mac, said, now, told_of):
            return decision
        if session is not None and session.site_id != asked.access_point.site_id:
            self._tasks.create_task(self._access.follow(session, asked.device))
        place = place_of(station, client, now, let_in=is_in, told_of=told_of)
        if place is not None:
            self._places.note(place, said)
        return decision


_EXPEL = Reach.EXPEL
_SAYS_NOTHING = (Silence, Refuse)
"""Of where a device is."""


def _all_hear(_access_point: str, _source_ip: str) -> bool:
    """Say yes."""
    return True


def _told_of(decision: Decision, session: Session | None) -> tuple[datetime | None, bool | None]:
    """Return until when an access point lets a device in, and whether it drops a silent one."""
    if session is None or not isinstance(decision, Grant):
        return None, None
    return session.due_at, decision.idle_timeout_s is not None


def _reach(question: AccessQuestion, role: str | None) -> Reach:
    """Return what can be done about the device's session later."""
    if question.client.dynamic_authorization is None:
        return Reach.NOTHING
    return family_of(question.client.family).reach(question.station, role)


def _text(octets: bytes) -> str | None:
    """Return what somebody typed; None: nobody types that."""
    try:
        return octets.decode() if len(octets) <= LONGEST_NAME else None
    except UnicodeDecodeError:
        return None


def _fits_code(question: AccessQuestion, name: str) -> Fits | None:
    """Say whether a voucher's code stands as user name, and as password too or nothing.

    Known in clear, so it can be checked by CHAP and MS-CHAPv2 as well. None: it is something else.
    """
    code = read_voucher_code(name)
    if isinstance(code, NoCode):
        return None
    if question.credential is NoPassword.ABSENT:
        return Fits()
    passwords = (name.encode(), code.encode(), b"")
    found = (check(question.credential, Secret(password)) for password in passwords)
    return next((fits for fits in found if fits is not None), None)
