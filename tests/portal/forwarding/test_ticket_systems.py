"""Fault reports on their way to a ticket system: real SMTP, real HTTP, a real PostgreSQL."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from portal.domain.fault_report import FaultKind, FaultReport, Ticket
from portal.domain.identity import Secret, SiteId
from portal.forwarding.mail import MailServer
from portal.forwarding.ticket_message import to_json, to_letter
from portal.forwarding.ticket_systems import Mail, Names, Webhook
from portal.services.fault_telling import (
    LEASE,
    FaultTelling,
    TicketSystem,
    TicketSystemUnavailableError,
)
from portal.services.ports.fault_reports import Untold
from portal.storage.database import Database
from portal.storage.fault_reports import PostgresFaultReports
from portal.storage.tickets import PostgresTickets
from tests.portal.forwarding.collector import Keys, make_keys
from tests.portal.forwarding.mail_server import mail_server

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
CITY = SiteId("city")
NAMES = Names("Exempelby", {CITY: "Stadsbiblioteket"})
SECRET = "aa-long-enough-secret"
REPORT = FaultReport(CITY, FaultKind.SLOW, "Det går\nlångsamt", {"online": 12}, "kim", NOW)
HOURS = timedelta(hours=4)


def untold(**changes: object) -> Untold:
    made = Untold(Ticket(12, REPORT), reminder=False)
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Receiver:
    """A webhook's receiver, which checks the signature as docs/monitoring.md says."""

    url: str = ""
    status: int = 204
    bodies: list[dict[str, object]] = field(default_factory=list)
    proven: list[bool] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        parts = dict(part.split("=") for part in request.headers["X-Kvar-Signature"].split(","))
        right = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256)
        fresh = abs(int(parts["t"]) - NOW.timestamp()) < 300
        self.proven.append(fresh and hmac.compare_digest(right.hexdigest(), parts["v1"]))
        self.bodies.append(json.loads(body))
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, application = Receiver(), web.Application()
    application.router.add_post("/faults", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/faults"
    yield made
    await runner.cleanup()


def webhook(receiver: Receiver, secret: str = SECRET) -> Webhook:
    return Webhook(receiver.url, Secret(secret), NAMES, lambda: NOW)


def test_the_fields_are_fixed() -> None:
    assert json.loads(to_json(untold(reminder=True), "Exempelby", "Stadsbiblioteket")) == {
        "version": 1,
        "event": "reminder",
        "organisation": "Exempelby",
        "number": 12,
        "site": "city",
        "site_name": "Stadsbiblioteket",
        "kind": "slow",
        "words": "Det går\nlångsamt",
        "status": "new",
        "reported_at": "2026-11-26T09:00:00+00:00",
        "reported_by": "kim",
        "facts": {"online": 12},
    }


async def test_a_webhook_is_signed(receiver: Receiver) -> None:
    await webhook(receiver).tell(untold())
    await webhook(receiver, "another").tell(untold())
    assert receiver.proven == [True, False]
    assert receiver.bodies[0]["number"] == 12


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_webhook_that_does_not_take_it(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(TicketSystemUnavailableError, match=str(status)):
        await webhook(receiver).tell(untold())


async def test_nobody_there() -> None:
    gone = Webhook("http://127.0.0.1:1/", Secret(SECRET), NAMES, lambda: NOW)
    with pytest.raises(TicketSystemUnavailableError):
        await gone.tell(untold())
    with pytest.raises(TicketSystemUnavailableError):
        await Mail(MailServer("127.0.0.1", 1), "a@b.example", "c@d.example", NAMES).tell(untold())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("mail"))


def letterbox(port: int, keys: Keys, **changes: object) -> Mail:
    context = ssl.create_default_context(cafile=keys.authority)
    server = replace(MailServer("localhost", port, context=context), **changes)  # type: ignore[arg-type]
    return Mail(server, "kvar@exempelby.example", "it@exempelby.example", NAMES)


def server_context(keys: Keys) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys.chain, keys.key)
    return context


async def test_a_letter_over_tls_with_a_log_in(keys: Keys) -> None:
    async with mail_server(server_context(keys)) as server:
        server.wants = ("kvar", "hemligt")
        box = letterbox(server.port, keys, user="kvar", password=Secret("hemligt"))
        await box.tell(untold(reminder=True))
        (letter,) = server.letters
        assert server.envelopes == [("kvar@exempelby.example", "it@exempelby.example")]
        assert letter["Subject"] == "Påminnelse: Kvar 12: slow, Stadsbiblioteket"
        assert letter["Auto-Submitted"] == "auto-generated"
        text = letter.get_content().replace("\r\n", "\n")
        assert "words: Det går långsamt\n" in text
        assert "online: 12" in text
        wrong = replace(box, server=replace(box.server, password=Secret("fel")))
        with pytest.raises(TicketSystemUnavailableError):
            await wrong.tell(untold())


async def test_without_tls_nothing_is_said_where_tls_is_wanted(keys: Keys) -> None:
    async with mail_server() as server:
        with pytest.raises(TicketSystemUnavailableError):
            await letterbox(server.port, keys).tell(untold())
        assert server.letters == []
        await letterbox(server.port, keys, starttls=False).tell(untold())
        assert len(server.letters) == 1
        server.refuses = True
        with pytest.raises(TicketSystemUnavailableError):
            await letterbox(server.port, keys, starttls=False).tell(untold())


def test_no_name_becomes_a_header() -> None:
    names = ("A\r\nBcc: x@y.example", "B\r\nBcc: x@y.example")
    letter = to_letter(untold(), names, "a@b.example", "c@d.example")
    assert letter["Bcc"] is None
    assert "\nBcc:" not in letter.as_string()


@dataclass
class Told:
    """A ticket system that notes, or refuses."""

    name: str = "told"
    heard: list[tuple[int, bool]] = field(default_factory=list)
    away: bool = False
    refused: int | None = None

    async def tell(self, untold: Untold) -> None:
        if self.away or untold.ticket.number == self.refused:
            raise TicketSystemUnavailableError("told to fail")
        self.heard.append((untold.ticket.number, untold.reminder))


async def tell_all(database: Database, now: datetime, *systems: TicketSystem) -> None:
    telling = FaultTelling(PostgresTickets(database), systems, HOURS, lambda: now)
    for system in systems:
        await telling.tell_all(system)


async def test_told_once_and_again_when_nobody_looks(database: Database) -> None:
    system = Told()
    number = await PostgresFaultReports(database).add(REPORT)
    for hours in (0, 1, 3.9):
        await tell_all(database, NOW + timedelta(hours=hours), system)
    assert system.heard == [(number, False)]
    for hours in (4, 5, 7.9, 8):
        await tell_all(database, NOW + timedelta(hours=hours), system)
    assert system.heard[1:] == [(number, True), (number, True)]
    await PostgresTickets(database).see(number, [CITY], "eva", NOW + timedelta(hours=9))
    await tell_all(database, NOW + timedelta(hours=20), system)
    assert len(system.heard) == 3


async def test_a_system_that_is_away_is_told_later(database: Database) -> None:
    system = Told(away=True)
    number = await PostgresFaultReports(database).add(REPORT)
    await tell_all(database, NOW, system)
    system.away = False
    await tell_all(database, NOW + LEASE, system)
    assert system.heard == [(number, False)]
    # a reminder that was not taken is due still
    system.away = True
    late = NOW + timedelta(hours=5)
    await tell_all(database, late, system)
    system.away = False
    await tell_all(database, late + LEASE, system)
    assert system.heard[-1] == (number, True)


async def test_the_well_one_of_two_systems_gets_each_report_once(database: Database) -> None:
    well, ill, reports = Told("mail"), Told("webhook", away=True), PostgresFaultReports(database)
    numbers = [await reports.add(REPORT), await reports.add(REPORT)]
    for minutes in range(0, 60, 5):
        await tell_all(database, NOW + timedelta(minutes=minutes), well, ill)
    assert well.heard == [(number, False) for number in numbers]
    # and is reminded, though the other one has taken nothing yet
    ill.away = False
    await tell_all(database, NOW + HOURS, well, ill)
    assert well.heard[2:] == [(number, True) for number in numbers]
    assert ill.heard == [(number, False) for number in numbers]


async def test_a_report_that_is_refused_lets_the_next_one_by(database: Database) -> None:
    system, reports = Told(), PostgresFaultReports(database)
    system.refused, taken = await reports.add(REPORT), await reports.add(REPORT)
    await tell_all(database, NOW, system)
    assert system.heard == [(taken, False)]


async def test_two_nodes_tell_each_report_once(postgres_dsn: str, database: Database) -> None:
    system, reports = Told(), PostgresFaultReports(database)
    numbers = [await reports.add(REPORT) for _ in range(10)]
    async with Database(postgres_dsn, size=8) as many:
        await asyncio.gather(*(tell_all(many, NOW, system) for _ in range(8)))
    await tell_all(database, NOW, system)
    assert sorted(system.heard) == [(number, False) for number in numbers]


async def test_who_died_while_telling_keeps_nothing_back(database: Database) -> None:
    system, tickets = Told(), PostgresTickets(database)
    number = await PostgresFaultReports(database).add(REPORT)
    assert await tickets.take_untold(system.name, NOW, LEASE, HOURS) is not None
    assert (
        await tickets.take_untold(system.name, NOW, LEASE, HOURS) is None
    )  # another node leaves it alone
    await tell_all(database, NOW + LEASE, system)
    assert system.heard == [(number, False)]


async def test_what_is_fixed_is_told_nobody(database: Database) -> None:
    system, tickets = Told(), PostgresTickets(database)
    number = await PostgresFaultReports(database).add(REPORT)
    assert await tickets.fix(number, [CITY], "eva", NOW)
    assert not await tickets.fix(number, [CITY], "bo", NOW)
    await tell_all(database, NOW, system)
    assert system.heard == []
    (known,) = await tickets.of_sites([CITY], NOW - HOURS)
    assert (known.owner, known.fixed_by, known.status) == ("eva", "eva", "fixed")
