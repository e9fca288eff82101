"""Adapter: the guest site's access points, by the dialects of the bridge.

Not the dialects (radius_bridge/vendors) and not the pages (portal/web/guest). The rule to keep: an
access point's login is made here, from the device and the client alone; no card, no PIN and nothing
of a guest has a part in it. Fails closed: what cannot be read is nobody.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from portal.access_points.browsers import comes_from, form_sources, origin_of
from portal.access_points.gateways import AskingGateways
from portal.access_points.grants import grant_of, terms_of
from portal.domain import login_token, passage, visit_token, way_back
from portal.domain.access_point import AccessPoint
from portal.domain.gateway_admission import Waiting
from portal.domain.identity import MacAddress, SiteId
from portal.domain.passage import Passage
from portal.domain.session import Session
from portal.domain.way_back import Browser
from portal.services.ports.access_points import (
    PREFIX,
    AccessPointUnavailableError,
    Arrival,
    Follow,
    Press,
    Unbelieved,
    Unseen,
    WayIn,
)
from radius_bridge.clients import FamilyName
from radius_bridge.controllers.controller import Admission, Controller, ControllerError
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import (
    LoginToken,
    NotBelieved,
    PortalSettings,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.opennds_authmon import read_question
from radius_bridge.vendors.registry import family_of

_UNBELIEVED = {
    NotBelieved.MALFORMED: Unbelieved.MALFORMED,
    NotBelieved.BAD_SIGNATURE: Unbelieved.BAD_SIGNATURE,
    NotBelieved.STRANGE_HOST: Unbelieved.STRANGE_HOST,
    NotBelieved.UNPROTECTED: Unbelieved.UNPROTECTED,
}

_NONE: Mapping[str, Controller] = {}
_NOBODY = LoginToken("", Secret(b""))

_SIGN = frozenset({FamilyName.COOVACHILLI})
"""Those that vouch for what they send, with the secret that they share with us. openNDS only
enciphers, in CBC, where whoever has one address can change the next."""

_LET_IN_THE_BEARER = frozenset({FamilyName.OPENNDS})
"""Those that let in whoever brings the right answer, whichever device the portal took it for. All
others name the device to the bridge, or are told of it by their controller."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A client that sends visitors here.

    ``visitor_networks`` are where their browsers come from; empty: anywhere. ``fixed_path`` is the
    address that the maker has fixed, "" where the client's own is used.
    """

    access_point: AccessPoint
    family: FamilyName
    settings: PortalSettings = field(default_factory=PortalSettings)
    visitor_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    fixed_path: str = ""

    @property
    def name(self) -> str:
        """Return the client's name."""
        return self.access_point.name

    @property
    def site_id(self) -> SiteId:
        """Return whose devices it has."""
        return self.access_point.site_id

    @property
    def vouches(self) -> bool:
        """Say whether nobody but the access point can have written what it sends."""
        return self.family in _SIGN and self.settings.secret is not None


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs a passage, and what the logins of devices follow from."""

    visit: bytes = field(repr=False)
    login: bytes = field(repr=False)


class BridgedAccessPoints:
    """``services.ports.access_points.AccessPoints`` over the bridge's families."""

    def __init__(
        self,
        senders: Iterable[Sender],
        keys: Keys,
        controllers: Mapping[str, Controller] = _NONE,
        random: Callable[[int], bytes] = secrets.token_bytes,
        gateways: AskingGateways | None = None,
    ) -> None:
        self._senders: Mapping[str, Sender] = {sender.name: sender for sender in senders}
        self._paths = {PREFIX + name: name for name in self._senders}
        self._paths |= {s.fixed_path: s.name for s in self._senders.values() if s.fixed_path}
        self._keys = keys
        self._controllers = controllers
        self._gateways = gateways
        self._random = random
        self._spent = way_back.Spent()
        self.observer: Callable[[str, str], None] = _nobody_counts
        """Is told whose visitor came, "" for a stranger's, and what became of it."""

    def client_at(self, path: str) -> str | None:
        """Return whose visitors an address is for; None: nobody's."""
        return self._paths.get(path.rstrip("/"))

    async def arrive(self, client: str, raw_url: str, browser: Browser) -> Arrival | Unbelieved:
        """Read the address that a visitor was sent with, exactly as it stood."""
        sender = self._senders.get(client)
        if sender is None:
            arrival: Arrival | Unbelieved = Unbelieved.UNKNOWN
        else:
            arrival = await self._read(sender, raw_url, browser.ip)
        self.observer(client if sender else "", _word(arrival))
        return arrival

    async def _read(self, sender: Sender, raw_url: str, browser_ip: str) -> Arrival | Unbelieved:
        if not comes_from(browser_ip, sender.visitor_networks):
            return Unbelieved.ELSEWHERE
        read = family_of(sender.family).read_redirect(raw_url, sender.settings)
        if isinstance(read, NotBelieved):
            return _UNBELIEVED[read]
        if read is None or not passage.is_short_enough(read.parameters):
            return Unbelieved.MALFORMED
        mac = await self._identify(sender, read)
        if mac is None:
            return Unbelieved.UNKNOWN_DEVICE
        return Arrival(_passage(sender, read, MacAddress(mac)), read.failed)

    def token(self, passage_: Passage, now: datetime) -> str:
        """Return a passage as it stands in an address."""
        return passage.issue(self._keys.visit, passage_, now)

    def passage(self, token: str, now: datetime) -> Passage | None:
        """Return the passage of a token; None: not ours, too old, or of a client that is gone."""
        found = passage.read(self._keys.visit, token, now)
        return found if found is not None and self._is_served(found) else None

    def reference(self, passage_: Passage, browser: Browser, now: datetime) -> str:
        """Return what a browser may bring back once."""
        chance = self._random(way_back.RANDOM_BYTES)
        return way_back.issue(self._keys.visit, passage_, browser, now, chance)

    def come_back(self, reference: str, browser: Browser, now: datetime) -> Passage | None:
        """Return the passage of a reference that nobody has brought before."""
        found = way_back.read(self._keys.visit, reference, browser, now)
        if found is None or not self._is_served(found[0]):
            return None
        return found[0] if self._spent.spend(found[1], now) else None

    def _is_served(self, passage_: Passage) -> bool:
        """Say whether a passage's client is there still, at the same site."""
        sender = self._senders.get(passage_.visit.client)
        return sender is not None and sender.site_id == passage_.visit.site_id

    def is_bound(self, passage_: Passage) -> bool:
        """Say whether the way in lets in the passage's device, and no other whoever asks."""
        return self._senders[passage_.visit.client].family not in _LET_IN_THE_BEARER

    def way_in(self, passage_: Passage, portal_url: str, now: datetime) -> WayIn:
        """Return how the device gets in; its browser comes to ``portal_url`` afterwards."""
        sender = self._senders[passage_.visit.client]
        if not passage_.told:
            return Unseen.SOON
        if "gateway" in passage_.told:
            return Unseen.ASKED
        token = self._login(passage_, now)
        way = _way_back(sender, _visitor(passage_), token, portal_url)
        if way is None:
            return Unseen.TOLD if sender.name in self._controllers else Unseen.SOON
        if way.method == "GET":
            return Follow(way.url)
        return Press(way.url, tuple(way.fields))

    def way_out(self, passage_: Passage) -> Follow | None:
        """Return where the browser logs off; None: nowhere."""
        family = family_of(self._senders[passage_.visit.client].family)
        url = family.way_out(passage_.told) if passage_.told else None
        return None if url is None else Follow(url)

    def sources(self, passage_: Passage) -> tuple[str, ...]:
        """Return where a page's form may lead to, as a content security policy names it."""
        hosts = self._senders[passage_.visit.client].settings.hosts
        registered = [source for host in hosts for source in form_sources(host)]
        told = [origin_of(value) for value in passage_.told.values()]
        return tuple(dict.fromkeys([*filter(None, told), *registered]))

    async def admit(self, passage_: Passage, session: Session, now: datetime) -> None:
        """Tell the device's controller to let it in until the session is due."""
        sender = self._senders[passage_.visit.client]
        grant = grant_of(session, terms_of(sender.access_point), now)
        admission = Admission(_visitor(passage_), grant, self._login(passage_, now))
        with _told_as_ours():
            await self._controllers[sender.name].admit(admission, now)

    async def have_let_in(
        self, passage_: Passage, session: Session, now: datetime, *, pressed: bool
    ) -> Waiting:
        """Have its gateway let the device in when it asks, and say how far that is."""
        key = self._senders[passage_.visit.client].settings.secret
        if self._gateways is None or key is None:
            return Waiting.UNHEARD
        return await self._gateways.ask(passage_, key, session, now, pressed=pressed)

    async def answer_gateway(
        self, client: str, fields: Mapping[str, str], browser: Browser, now: datetime
    ) -> str | Unbelieved:
        """Answer a gateway whose name is registered, from where its visitors come."""
        sender, question = self._senders.get(client), read_question(fields)
        answer: str | Unbelieved = Unbelieved.UNKNOWN_GATEWAY
        if question is None:
            answer = Unbelieved.MALFORMED
        elif sender is None or self._gateways is None:
            answer = Unbelieved.UNKNOWN
        elif not comes_from(browser.ip, sender.visitor_networks):
            answer = Unbelieved.ELSEWHERE
        elif question.gateway in sender.settings.gateways:
            return await self._gateways.answer(sender.access_point, question, now)
        self.observer(client if sender else "", answer)
        return answer

    async def expel(self, passage_: Passage) -> None:
        """Tell the device's controller, where it has one, to put it out."""
        controller = self._controller_of(self._senders[passage_.visit.client], _visitor(passage_))
        if controller is not None and passage_.told:
            with _told_as_ours():
                await controller.expel(_visitor(passage_))

    async def _identify(self, sender: Sender, visitor: Redirected) -> str | None:
        """Return the device's address: where nothing is signed, the controller has to know it."""
        controller = self._controller_of(sender, visitor)
        if controller is None:
            return visitor.mac
        with _told_as_ours():
            return await controller.identify(visitor)

    def _controller_of(self, sender: Sender, visitor: Redirected) -> Controller | None:
        """Return the controller that lets a visitor in; None: the browser does, or the bridge."""
        controller = self._controllers.get(sender.name)
        if controller is None or _way_back(sender, visitor, _NOBODY, "") is not None:
            return None
        return controller

    def _login(self, passage_: Passage, now: datetime) -> LoginToken:
        """Return what the access point may ask us about this device, for two minutes."""
        visit, chance = passage_.visit, self._random(login_token.RANDOM_BYTES)
        login = login_token.issue(self._keys.login, visit.mac, visit.client, now, chance)
        return LoginToken(login.user_name, Secret(login.password.reveal().encode()))


def _nobody_counts(_client: str, _outcome: str) -> None:
    """Do nothing."""


def _word(arrival: Arrival | Unbelieved) -> str:
    if isinstance(arrival, Unbelieved):
        return arrival.value
    return "failed" if arrival.has_failed else "believed"


@contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except ControllerError as problem:
        raise AccessPointUnavailableError(str(problem)) from problem


def _way_back(
    sender: Sender, visitor: Redirected, token: LoginToken, portal_url: str
) -> WayBack | None:
    return family_of(sender.family).way_back(visitor, token, sender.settings, portal_url)


def _passage(sender: Sender, read: Redirected, mac: MacAddress) -> Passage:
    visit = visit_token.Visit(mac, sender.site_id, sender.name, read.ip or "")
    return Passage(visit, dict(read.parameters), sender.vouches, is_inside=read.online)


def _visitor(passage_: Passage) -> Redirected:
    """Return what the family read, as it stands in the passage."""
    visit = passage_.visit
    return Redirected(visit.mac, visit.ip or None, parameters=passage_.told)
