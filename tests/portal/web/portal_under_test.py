"""A running guest site with fake services, and raw HTTP to ask it. Shared by the web tests."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from portal.access_points.senders import BridgedAccessPoints, Keys, Sender
from portal.domain.access_point import AccessPoint
from portal.domain.admission import Admit
from portal.domain.fault_report import FaultKind
from portal.domain.identity import Device, MacAddress, Secret, SiteId, Subject
from portal.domain.month_help import Answer as Rated
from portal.domain.notice import Notice, shown
from portal.domain.passage import Passage
from portal.domain.returning import RememberedDevice
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod, Site
from portal.domain.visit_token import Visit
from portal.domain.voucher import TO_CLOSING, Lasts, Serial, Voucher
from portal.services.outcomes import (
    Admitted,
    Captive,
    Online,
    RefusalReason,
    Refused,
    SignInOutcome,
    Standing,
    VoucherOffer,
)
from portal.services.ports.access_points import AccessPoints
from portal.services.returning import Recognised
from portal.web.guest.application import GuestApplication
from portal.web.guest.serving import GuestSockets, serve_guest
from portal.web.guest.settings import GuestSettings
from portal.web.guest.surroundings import Surroundings
from portal.web.serving import bind_sockets
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret as Octets
from radius_bridge.vendors.family import PortalSettings

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
DEVICE = Device(MacAddress("02:00:00:00:00:01"), SiteId("city"))
LIBRARY = Site(
    id=SiteId("city"),
    name="Exempelby stadsbibliotek",
    login_methods=(LoginMethod.CARD,),
    opening_hours=None,
    support_phone="08-465 004 01",
)
SETTINGS = GuestSettings(
    portal_host="wifi.library.test",
    form_key=bytes(range(32)),
    organisation="Biblioteken i Umeå",
    plain_names=("login.library.test",),
    secure_plain_names=("localhost",),  # as if a relay on this machine ended TLS
)


DAY_CODE = "1029384756"
"""What the library's screen shows."""
TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWX2Y"
"""What a slip's QR code holds."""


UAM_SECRET = b"of the chilli on the roof"
SENDERS = (
    Sender(
        AccessPoint("chilli", SiteId("city")),
        FamilyName.COOVACHILLI,
        PortalSettings(("10.1.0.1",), Octets(UAM_SECRET)),
    ),
    Sender(
        AccessPoint("controller", SiteId("city")),
        FamilyName.CISCO,
        PortalSettings(("login.controller.test",)),
    ),
    Sender(
        AccessPoint("annex", SiteId("city")),
        FamilyName.OPENNDS,
        PortalSettings(("10.2.0.1",), Octets(b"1234567890"), in_clear=True),
    ),
)
"""One that signs and takes a GET, one that signs nothing and takes a form, or a CoA, and one that
lets in whoever brings its answer."""
KEYS = Keys(b"v" * 32, b"l" * 32)
ACCESS_POINTS = BridgedAccessPoints(SENDERS, KEYS)
LOGON = {"logon": "http://10.1.0.1:3990/logon", "challenge": "0123456789abcdef" * 2}
FAS = {"auth": "http://10.2.0.1:2050/opennds_auth/", "hid": "0123456789abcdef" * 4}
FORM = {"switch_url": "https://login.controller.test/login.html"}


def via(passage: Passage) -> str:
    """Return what stands before the pages of a visitor with this passage."""
    return f"/via/{ACCESS_POINTS.token(passage, NOW)}"


def passage_of(client: str = "chilli", mac: MacAddress = DEVICE.mac, **more: object) -> Passage:
    passage = Passage(Visit(mac, DEVICE.site_id, client))
    return replace(passage, **more)  # type: ignore[arg-type]


def make_offer(lasts: Lasts = TO_CLOSING, devices: int = 1, **changes: object) -> VoucherOffer:
    voucher = Voucher(
        id=UUID(int=1),
        making=UUID(int=2),
        serial=Serial("A", 412),
        site_id=LIBRARY.id,
        subject=Subject(b"v" * 32),
        key_id="voucher-2026",
        lasts=lasts,
        most_devices=devices,
        made_at=NOW,
        starts_at=NOW,
        use_before=NOW + timedelta(days=180),
    )
    until = NOW + timedelta(hours=4)
    offer = VoucherOffer(voucher, until, EndReason.TIME_LIMIT, until)
    return replace(offer, **changes)  # type: ignore[arg-type]


def make_session(**changes: object) -> Session:
    session = Session(
        id=UUID("01936000-0000-7000-8000-000000000001"),
        ground=Ground.CARD,
        subject=None,
        mac=DEVICE.mac,
        site_id=DEVICE.site_id,
        started_at=NOW,
        ends_at=NOW + timedelta(hours=4),
        ends_because=EndReason.TIME_LIMIT,
        last_seen_at=NOW,
    )
    return replace(session, **changes)  # type: ignore[arg-type]


def make_remembered(number: int = 1, label: str = "iPhone") -> RememberedDevice:
    return RememberedDevice(
        id=UUID(int=number),
        name=Subject(bytes([number]) * 32),
        subject=Subject(b"s" * 32),
        label=label,
        added_at=NOW - timedelta(days=3),
        named_at=NOW,
        last_visit_at=NOW - timedelta(days=number),
        expires_at=NOW + timedelta(days=90),
    )


def make_notice(**changes: object) -> Notice:
    notice = Notice(
        UUID(int=9),
        None,
        "Wifi är avstängt i natt mellan kl. 01.00 och 03.00, när nätet byggs om.",
        "Wi-Fi is off tonight between 01:00 and 03:00, while the network is rebuilt.",
        NOW - timedelta(hours=1),
        NOW + timedelta(hours=12),
        NOW - timedelta(hours=2),
        "kim",
    )
    return replace(notice, **changes)  # type: ignore[arg-type]


@dataclass
class FakeGuest:
    """The guest services of one device, with everything they did noted."""

    library: Site = LIBRARY
    device: Device | None = DEVICE
    session: Session | None = None
    refusal: Refused | None = None
    number: int | None = 47
    last_end: EndReason | None = None
    is_certain: bool = True
    can_extend: bool = False
    home: Site | None = None
    """Where the session began, when that is another library than this one."""
    raises: Exception | None = None
    internet_is_down: bool = False
    library_is_away: bool = False
    notices: tuple[Notice, ...] = ()
    reports: list[tuple[str, FaultKind, Mapping[str, str]]] | None = field(default_factory=list)
    """What guests reported; None: it cannot be written."""
    ratings: list[tuple[str, Rated]] = field(default_factory=list)
    comes_back: bool = False
    may_continue: bool = False
    last_ground: Ground | None = None
    offer: VoucherOffer | None = None
    """What the slip with TOKEN gives."""
    remembered: tuple[RememberedDevice, ...] = ()
    """The card's devices; the first is this one."""
    calls: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)

    def around(self) -> Surroundings:
        return Surroundings(
            lambda: self.internet_is_down,
            lambda: self.library_is_away,
            lambda sites, now: shown(self.notices, sites, now),
            self,
            self.rate,
        )

    async def rate(self, site_id: SiteId, answer: Rated, now: datetime, /) -> bool:
        assert now.tzinfo == UTC
        if self.reports is None:
            return False
        self.ratings.append((site_id, answer))
        return True

    async def report_from_guest(
        self, site_id: SiteId, kind: FaultKind, counted: Mapping[str, str], now: datetime, /
    ) -> int | None:
        assert now.tzinfo == UTC
        if self.reports is None:
            return None
        self.reports.append((site_id, kind, counted))
        return 41 + len(self.reports)

    def site(self, site_id: SiteId) -> Site:
        assert site_id == self.library.id
        return self.library

    def site_of(self, session: Session, device: Device) -> Site:
        assert device == self.device
        return self.home or self.site(session.site_id)

    async def identify(self, ip: str) -> Device | None:
        self.addresses.append(ip)
        if self.raises is not None:
            raise self.raises
        return self.device

    async def recognise(self, ip: str) -> Recognised | None:
        self.looked_for.append(ip)
        if not self.comes_back or self.device is None:
            return None
        return Recognised(self.device, make_session())

    async def welcome(self, ip: str, found: Recognised) -> None:
        assert (found.device, ip) == (self.device, self.looked_for[-1])
        self.calls.append("welcome")

    async def number_of(
        self, online: Online, device: Device, now: datetime, kind: str
    ) -> int | None:
        assert (online.session, device, now.tzinfo) == (self.session, self.device, UTC)
        self.kinds.append(kind)
        return self.number

    async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.kinds.append(kind)
        if self.session is not None:
            longer = self.library.time_limit or timedelta(hours=1)
            return Online(self.session, longer if self.can_extend else None)
        return Captive(
            self.number, self.last_end, self.is_certain, self.may_continue, self.last_ground
        )

    async def sign_in_with_card(
        self,
        device: Device,
        card_text: Secret,
        pin_text: Secret,
        now: datetime,
        *,
        remember_as: str | None = None,
    ) -> SignInOutcome:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append(f"card {card_text.reveal()} {pin_text.reveal()}")
        if remember_as is not None:
            self.calls.append(f"remember as {remember_as}")
        if not card_text.reveal():
            return Refused(RefusalReason.CARD_EMPTY)
        if self.refusal is not None:
            return self.refusal
        if (card_text.reveal(), pin_text.reveal()) != ("20000000000001", "1234"):
            return Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=3, wait_s=900)
        return self._admit(Ground.CARD)

    async def join(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append(f"code {code_text}")
        if self.refusal is not None:
            return self.refusal
        if code_text.replace(" ", "") == "4085127730":
            return self._admit(Ground.VOUCHER)
        if code_text.replace(" ", "") != "408512":
            return Refused(RefusalReason.CODE_UNKNOWN)
        if self.session is None:
            self._admit(Ground.TUTOR)
        assert self.session is not None
        self.session = replace(self.session, protected_until=now + timedelta(hours=2))
        return Admitted(self.session)

    async def scanned(self, device: Device, token: str, now: datetime) -> VoucherOffer | Refused:
        assert (device, now.tzinfo) == (self.device, UTC)
        if self.refusal is not None:
            return self.refusal
        if token != TOKEN or self.offer is None:
            return Refused(RefusalReason.CODE_UNKNOWN)
        return self.offer

    async def redeem(self, device: Device, token: str, now: datetime) -> SignInOutcome:
        self.calls.append(f"redeem {token}")
        offer = await self.scanned(device, token, now)
        return offer if isinstance(offer, Refused) else self._admit(Ground.VOUCHER)

    async def day_code(self, device: Device, code: str, now: datetime) -> Admit | Refused:
        assert (device, now.tzinfo) == (self.device, UTC)
        if self.refusal is not None:
            return self.refusal
        if code != DAY_CODE:
            return Refused(RefusalReason.DAY_CODE_OLD)
        return Admit(now + timedelta(hours=4), EndReason.TIME_LIMIT)

    async def sign_in_with_day_code(self, device: Device, now: datetime) -> SignInOutcome:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("day code")
        return self.refusal or self._admit(Ground.DAY_CODE)

    async def continue_visit(self, device: Device, now: datetime) -> SignInOutcome:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("continue")
        if not self.may_continue:
            return self.refusal or Refused(RefusalReason.NOT_ONLINE)
        return self._admit(Ground.REMEMBERED)

    async def remembered_here(self, device: Device, now: datetime) -> RememberedDevice | None:
        assert (device, now.tzinfo) == (self.device, UTC)
        return self.remembered[0] if self.remembered else None

    async def remembered_devices(
        self, device: Device, now: datetime
    ) -> Sequence[RememberedDevice] | None:
        assert (device, now.tzinfo) == (self.device, UTC)
        shown = self.session is not None and self.session.ground is Ground.CARD
        return self.remembered if shown else None

    async def forget_here(self, device: Device, now: datetime) -> None:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("forget here")
        self.remembered = self.remembered[1:]

    async def forget_listed(self, device: Device, device_id: UUID) -> None:
        assert device == self.device
        self.calls.append(f"forget {device_id.int}")
        self.remembered = tuple(d for d in self.remembered if d.id != device_id)

    async def accept(self, device: Device, now: datetime) -> SignInOutcome:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("accept")
        return self.refusal or self._admit(Ground.ACCEPT)

    async def extend(self, device: Device, now: datetime) -> Session | Refused:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("extend")
        if self.refusal is not None or self.session is None:
            return self.refusal or Refused(RefusalReason.NOT_ONLINE)
        self.session = replace(self.session, ends_at=self.session.ends_at + timedelta(hours=1))
        return self.session

    async def sign_out(self, device: Device, now: datetime) -> bool:
        assert (device, now.tzinfo) == (self.device, UTC)
        self.calls.append("sign out")
        self.session, self.last_end = None, EndReason.LOGGED_OUT
        return True

    def _admit(self, ground: Ground) -> Admitted:
        self.session = make_session(ground=ground)
        return Admitted(self.session)


@dataclass
class Portal:
    """A running guest site: where it listens, and the fake it asks."""

    guest: FakeGuest
    plain_port: int
    tls_port: int
    settings: GuestSettings


@asynccontextmanager
async def running_portal(
    guest: FakeGuest,
    settings: GuestSettings = SETTINGS,
    *,
    tls: ssl.SSLContext | None = None,
    now: datetime = NOW,
    access_points: AccessPoints | None = ACCESS_POINTS,
    head_deadline_s: float = 10.0,
) -> AsyncIterator[Portal]:
    plain = bind_sockets([("127.0.0.1", 0)])
    secure = bind_sockets([("127.0.0.1", 0)]) if tls else []
    tls_port = secure[0].getsockname()[1] if secure else 443
    settings = replace(settings, portal_port=tls_port)
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve_guest(
                GuestApplication(settings, guest, lambda: now, guest.around(), access_points),
                GuestSockets(plain, secure, tls),
                started=started,
                head_deadline_s=head_deadline_s,
            )
        )
        await started.wait()
        try:
            yield Portal(guest, plain[0].getsockname()[1], tls_port, settings)
        finally:
            serving.cancel()


@dataclass
class Answer:
    """One HTTP answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: str
    size: int
    cookies: tuple[str, ...] = ()
    """The Set-Cookie lines."""

    def token(self, action: str) -> str:
        """Return the hidden field of the form that posts to this path."""
        form = re.search(
            rf'action="{action}(?:\?[^"]*)?".*?name="token" value="([^"]+)"', self.body, re.DOTALL
        )
        assert form, f"no form for {action}"
        return form.group(1)


async def exchange(
    port: int, request: bytes, tls: ssl.SSLContext | None = None, *, name: str | None = None
) -> Answer:
    """Send raw bytes, read until the server closes (at most 10 s), parse the first answer."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=name if tls else None
    )
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            raw = await reader.read(-1)
    finally:
        writer.transport.abort()
    return parse_answer(raw)


def parse_answer(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    cookies = tuple(line[12:] for line in lines[1:] if line.startswith("Set-Cookie: "))
    return Answer(
        int(lines[0].split(" ", 2)[1]), headers, body.decode(errors="replace"), len(raw), cookies
    )


def get(path: str, host: str = "localhost", *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, fields: dict[str, str], host: str = "localhost", *more: str) -> bytes:
    body = urlencode(fields)
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *more,
    ]
    return "\r\n".join([*lines, "", body]).encode()
