"""A running staff site on a real PostgreSQL, and a browser's memory of it. Shared by the tests."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pyotp
from argon2 import PasswordHasher

from portal.composition.api import compose_api
from portal.composition.staff_site import compose_site
from portal.doctor.finding import Finding, failure, right, warning
from portal.domain.identity import SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.privacy import PrivacyLevel
from portal.domain.processing_record import Facts, Receiver, record
from portal.domain.site import LoginMethod, Site
from portal.domain.slip import Network, SlipPlace
from portal.domain.staff_account import Role
from portal.domain.staff_session import SessionTimes
from portal.services.doors import Doors
from portal.services.key_ring import KeyRing
from portal.services.notices import Noticeboard
from portal.services.staff.administration import Administration, Grants
from portal.services.staff.doors import StaffDoors, StaffKeys
from portal.services.staff.passwords import Passwords
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.notices import PostgresNotices
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.staff_accounts import PostgresStaffAccounts
from portal.storage.staff_attempts import PostgresStaffAttempts
from portal.storage.staff_sessions import PostgresStaffSessions
from portal.storage.tutoring_groups import PostgresGroups
from portal.storage.vouchers import PostgresVouchers
from portal.web.api.application import ApiApplication
from portal.web.api.settings import ApiSettings
from portal.web.serving import Listening, bind_sockets, serve
from portal.web.shared_listener import SharedListener
from portal.web.staff import answers
from portal.web.staff.application import StaffApplication
from portal.web.staff.pages import Pages
from portal.web.staff.routes import Table
from portal.web.staff.settings import SitePrinter, StaffSettings
from portal.web.staff.staff_site import StaffSite
from tests.portal.services.fakes import FakeGate
from tests.portal.web.portal_under_test import Answer, exchange, get, post

PLACE = SlipPlace(
    Network("Bibliotek-gast"), "https://wifi.exempelby.se", "wifi.exempelby.se", "Europe/Stockholm"
)
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
FINDINGS = (
    right("database", "answers; schema version 22"),
    warning("certificate", "valid until 2026-12-06", "renew it: 10 days are left", "certbot renew"),
    failure("gate", "guest1 is not there", "bring it up", "ip link set guest1 up"),
)
"""What the doctor says here."""
PASSWORD = "tre blå hästar springer"
CITY, BRANCH, BUS = SiteId("city"), SiteId("branch"), SiteId("bus")
SITES = {
    site.id: site
    for site in (
        Site(
            CITY,
            "Exempelby stadsbibliotek",
            (LoginMethod.CARD, LoginMethod.CODE),
            OpeningHours("Europe/Stockholm", ((Span(clock(8), clock(19)),),) * 7),
            code_of_the_day=True,
        ),
        Site(BRANCH, "Filialen i Norra Exempelby", (LoginMethod.CARD,), None),
        Site(BUS, "Bokbussen", (LoginMethod.ACCEPT,), None),
    )
}
ACCESS_POINTS = {"annex": CITY, "branch-ap": BRANCH}
"""The RADIUS clients, as configured."""

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Real argon2id, and so cheap that ten thousand tries fit into a test."""


@dataclass
class Time:
    """A clock that is set by the test."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **lengths: float) -> None:
        self.now += timedelta(**lengths)


RECORDED = Facts(
    organisation="Biblioteken i Exempelby",
    contact="biblioteket@exempelby.example",
    levels={site.name: PrivacyLevel.GUESTS for site in SITES.values()},
    session_days=14,
    event_days=14,
    attempt_days=7,
    known_device_days=30,
    remembered_days=90,
    voucher_days=30,
    backup_days=14,
    takes_codes=True,
    receivers=(Receiver("Bibliotekssystemet", "Kortnummer och pinkod", "Kontrollera kortet"),),
)


@dataclass
class StaffWorld:
    """The staff's services, and a site that runs."""

    staff: StaffDoors
    database: Database
    time: Time
    port: int
    doors: Doors
    site: StaffSite

    async def make(
        self, name: str, *roles: Role, sites: tuple[SiteId, ...] | None = (CITY,)
    ) -> str:
        """Make an account, and return the code of its first sign-in."""
        grants = Grants(roles or (Role.DESK,), sites)
        code = await Administration(self.staff, "root").create(name, grants, None, self.time())
        assert code is not None
        return code.reveal()

    async def enrol(
        self, name: str, *roles: Role, sites: tuple[SiteId, ...] | None = (CITY,)
    ) -> "Person":
        """Make an account, and go the whole way in with it."""
        person = Person(self, name)
        await person.first_time(await self.make(name, *roles, sites=sites))
        return person

    async def events(self, kind: str) -> list[Mapping[str, object]]:
        rows = await self.database.fetch(
            "SELECT site_id, detail::text AS detail FROM event WHERE kind = $1 ORDER BY id", kind
        )
        return [dict(row) for row in rows]


@dataclass
class Person:
    """Somebody with a browser: it keeps cookies, and reads tokens from the pages it was shown."""

    world: StaffWorld
    name: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    recovery: list[str] = field(default_factory=list)
    more: tuple[str, ...] = ()
    """Further header lines."""

    async def get(self, path: str) -> Answer:
        return await self._ask(get(path, "localhost", *self._headers()))

    async def head(self, path: str) -> Answer:
        asked = get(path, "localhost", *self._headers()).replace(b"GET", b"HEAD", 1)
        return await self._ask(asked)

    async def post(self, path: str, _form: Answer | None = None, **fields: str) -> Answer:
        """Post a form, with the token from a page that has it; by default the account page."""
        shown = _form or await self.get("/account")
        names = {name.replace("__", "."): text for name, text in fields.items()}
        return await self.send(path, {"token": shown.token(path), **names})

    async def send(self, path: str, fields: dict[str, str]) -> Answer:
        return await self._ask(post(path, fields, "localhost", *self._headers()))

    async def first_time(self, code: str, password: str = PASSWORD) -> Answer:
        await self.post("/first", await self.get("/first"), code=code)
        page = await self.get("/first/password")
        await self.post("/first/password", page, password=password, again=password)
        page = await self.get("/first/app")
        self.secret = self.read_secret(page)
        done = await self.post("/first/app", page, code=self.code())
        self.recovery = re.findall(r"<li><bdi dir=\"ltr\">([A-Z2-7-]+)</bdi>", done.body)
        return done

    async def sign_in(self, password: str = PASSWORD) -> Answer:
        """Go the way in, half a minute later, so that the app shows another code."""
        self.world.time.passes(seconds=31)
        await self.give_password(password)
        return await self.post("/code", await self.get("/code"), code=self.code())

    async def give_password(self, password: str = PASSWORD) -> Answer:
        page = await self.get("/sign-in")
        return await self.post("/sign-in", page, name=self.name, password=password)

    def code(self, steps: int = 0) -> str:
        """Return what the app shows now, or some steps later."""
        return pyotp.TOTP(self.secret).at(self.world.time() + timedelta(seconds=30 * steps))

    def read_secret(self, page: Answer) -> str:
        found = re.search(r'class="secret"><bdi dir="ltr">([A-Z2-7 ]+)<', page.body)
        assert found
        return found.group(1).replace(" ", "")

    def again(self) -> "Person":
        """Return the same person at another browser."""
        return Person(self.world, self.name, secret=self.secret, recovery=self.recovery)

    def _headers(self) -> tuple[str, ...]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return (*self.more, f"Cookie: {cookie}") if cookie else self.more

    async def _ask(self, request: bytes) -> Answer:
        answer = await exchange(self.world.port, request)
        for line in answer.cookies:
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in line:
                del self.cookies[name]
        return answer


def compose(database: Database, directory: Path, times: SessionTimes | None = None) -> StaffDoors:
    return StaffDoors(
        accounts=PostgresStaffAccounts(database),
        sessions=PostgresStaffSessions(database),
        attempts=PostgresStaffAttempts(database),
        events=PostgresEvents(database),
        keys=StaffKeys(KeyRing(directory)),
        passwords=Passwords(QUICK),
        organisation="Biblioteken i Exempelby",
        site_ids=tuple(SITES),
        times=times or SessionTimes(),
    )


def guest_doors(database: Database, directory: Path) -> Doors:
    return Doors(
        sessions=PostgresSessions(database),
        attempts=PostgresAttempts(database),
        arrivals=PostgresArrivals(database),
        groups=PostgresGroups(database),
        returns=PostgresReturns(database),
        vouchers=PostgresVouchers(database),
        events=PostgresEvents(database),
        gate=FakeGate(),
        keys=KeyRing(directory),
        library=None,
        sites=SITES,
    )


@asynccontextmanager
async def running_staff_site(
    database: Database,
    directory: Path,
    *,
    table: Table | None = None,
    banners: tuple[str, ...] = (),
    proxies: frozenset[str] = frozenset(),
    tls: ssl.SSLContext | None = None,
    printers: Mapping[SiteId, Sequence[SitePrinter]] | None = None,
    place: SlipPlace | None = PLACE,
    sites: Mapping[SiteId, Site] = SITES,
) -> AsyncIterator[StaffWorld]:
    """Run the staff site on a free port, with the test's own clock."""
    staff, time = compose(database, directory), Time()
    facts = StaffSettings(
        host_name="localhost",
        form_key=staff.keys.form,
        organisation=staff.organisation,
        sites=sites,
        access_points=ACCESS_POINTS,
        encrypted=tls is not None,
        proxies=proxies,
        place=place,
        ssid=PLACE.network.name,
        printers=printers or {},
        record=record(RECORDED),
    )
    doors = replace(guest_doors(database, directory), sites=sites)
    board = Noticeboard(PostgresNotices(database), time)

    async def examine() -> Sequence[Finding]:
        return FINDINGS

    pages = Pages(facts, staff.times, board, lambda: banners)
    site = replace(compose_site(pages, staff, doors, database, time), examine=examine)
    shared = ApiSettings(
        "localhost", PLACE.origin, SITES, encrypted=facts.encrypted, proxies=proxies
    )
    api = ApiApplication(compose_api(shared, doors, database, time))
    application = SharedListener("/api/", api, StaffApplication(site, table))
    sockets = bind_sockets([("127.0.0.1", 0)])
    listening = Listening(
        application.answer,
        lambda status, _: answers.plain("odd\n", status=status),
        application.broken,
        sockets,
        tls,
    )
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve([listening], started=started))
        making = group.create_task(site.slips.jobs.run())
        exporting = group.create_task(site.console.exports.run())
        await started.wait()
        try:
            port = sockets[0].getsockname()[1]
            yield StaffWorld(staff, database, time, port, doors, site)
        finally:
            serving.cancel()
            making.cancel()
            exporting.cancel()
            site.slips.maker.close()
