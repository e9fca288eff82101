"""Two people of whom everything is kept, through the services that keep it; and their officer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.returning import Ticket
from portal.domain.session import EndReason, Ground, Session
from portal.domain.staff_account import Role
from portal.services.doors import Doors
from portal.services.identity_key import IdentityKey, make_pair
from portal.services.outcomes import Admitted
from portal.services.remembered import Remembered
from portal.services.sign_in import SignIn
from portal.storage.database import Database
from tests.portal.services.fakes import FakeLibrary
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import CITY, PASSWORD, SITES, Person, StaffWorld

PIN = "7391"
WHY = {"reason": "own_request", "case": "2026-118"}
STAFF = {"staff_account", "staff_session", "staff_attempt", "staff_recovery_code", "audit"}
"""What changes because somebody is at work."""

RAW = {
    "code_attempt (at, device, site_id)": "at, device, 'city'",
    "courtesy (device, given_at)": "device, at",
    "port_block": "id, 'city', '{}'::inet[], 1024, 1279, at, at",
    "guest_address": "id, 'city', '2001:db8::1'::inet, at, at",
    "device_today": "at::date, 'city', counted, 1, at",
    "accounting_session (name, access_point, nas, bss, site_id, session_id, started_at, told_at,"
    " heard_at, upload_octets, download_octets, upload_before, download_before, duration)": (
        "sha256(device), 'ap', '', '', 'city', id, at, at, at, 0, 0, 0, 0, interval '0 s'"
    ),
    "device_at_access_point (mac, access_point, nas, heard_at, let_in, user_name, source_ip,"
    " called, ssid)": "mac, 'ap', '', at, false, '', '192.0.2.1', '', ''",
}
"""What other processes write, by table."""


@dataclass
class Guest:
    """Somebody with a card and a telephone."""

    world: StaffWorld
    doors: Doors
    card: Secret
    mac: MacAddress

    @property
    def device(self) -> Device:
        return Device(self.mac, CITY)

    async def log_in(self, pin: str = PIN) -> Session | None:
        now = self.world.time()
        outcome = await SignIn(self.doors).with_card(self.device, self.card, Secret(pin), now)
        return outcome.session if isinstance(outcome, Admitted) else None

    async def visit(self) -> None:
        """Come twice, a week between, and leave behind whatever can be left behind."""
        end, doors = self.world.time(), self.doors
        self.world.time.now = end - timedelta(days=9)
        await self.log_in("0000")
        before = await self.log_in()
        assert before is not None
        await Remembered(doors).remember(self.device, before, "iPhone", self.world.time())
        await doors.sessions.end(before.id, EndReason.LOGGED_OUT, self.world.time())
        self.world.time.now = end - timedelta(hours=1)
        await doors.arrivals.see(self.device, self.world.time(), "iPhone")
        session = await self.log_in()
        assert session is not None
        await self._leave(session)
        self.world.time.now = end

    async def _leave(self, session: Session) -> None:
        now, keys = self.world.time(), self.doors.keys
        ticket = Ticket(Ground.CARD, session.subject, now + timedelta(hours=5), silently=True)
        await self.doors.returns.offer(keys.trace(self.mac, None, now).device, ticket)
        for table, values in RAW.items():
            await self.world.database.fetch(
                "WITH g (device, id, mac, counted, at) AS (SELECT $1::bytea, $2::uuid,"  # noqa: S608
                f" $3::macaddr, $4::bytea, $5::timestamptz) INSERT INTO {table}"
                f" SELECT {values} FROM g",
                *(keys.device(self.mac, now), session.id, self.mac),
                *(keys.counted(self.mac, now.date()), now),
            )

    def names(self, ids: set[str]) -> set[str]:
        """Return whatever a table may call this person by, as a dump of it would write it."""
        now, keys = self.world.time(), self.doors.keys
        weeks = keys.kept_weeks([datetime(2026, 11, day, tzinfo=now.tzinfo) for day in (9, 16, 23)])
        hashes = [
            *keys.cards(self.card, now),
            *keys.devices(self.mac, now),
            *keys.counted_on_kept_days(self.mac),
            *(name for week in weeks for name in keys.guests_in(self.card, week)),
            *(keys.device_in(self.mac, week) for week in weeks),
        ]
        heads = {one[:8].hex() for one in hashes}  # of a trace, in what is to be forwarded
        return {one.hex() for one in hashes} | heads | {self.mac, self.card.reveal()} | ids


@dataclass
class Two:
    """Two people of whom everything is kept."""

    asks: Guest
    other: Guest
    officer: Person

    async def ask(self, typed: str, what: str, **changes: str) -> Answer:
        page = await self.officer.get("/rights")
        fields = {"typed": typed, "what": what, **WHY, **changes}
        return await self.officer.post("/rights", page, **fields)

    async def see(self, typed: str, what: str) -> tuple[str, Answer]:
        """Return where it is shown, and the page."""
        answer = await self.ask(typed, what)
        assert answer.status == 303, answer.body
        where = answer.headers["Location"]
        return where, await self.officer.get(where)

    async def erase(self, where: str, page: Answer, password: str = PASSWORD) -> Answer:
        word = where.partition("=")[2]
        return await self.officer.post("/rights/erase", page, finding=word, password=password)


async def two_people(world: StaffWorld) -> Two:
    """Make them, and somebody who answers them."""
    cards = [Secret("20000000000417"), Secret("20000000000425")]
    doors = replace(
        world.doors,
        library=FakeLibrary(**{f"c{card.reveal()}": PIN for card in cards}),
        sites={**SITES, CITY: replace(SITES[CITY], seal_identity=True)},
        identity_key=IdentityKey(make_pair(Secret("sex gröna fåglar sover"))[0]),
    )
    await world.database.fetch("INSERT INTO forwarding DEFAULT VALUES")
    guests = [
        Guest(world, doors, card, MacAddress(f"02:00:00:00:00:a{number}"))
        for number, card in enumerate(cards)
    ]
    for guest in guests:
        await guest.visit()
    return Two(*guests, await world.enrol("noor", Role.PRIVACY, sites=None))


async def rows(database: Database) -> Mapping[str, Counter[str]]:
    """Return every row of every table, as text."""
    tables = await database.fetch(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    found = {}
    for table in (row["relname"] for row in tables):
        texts = await database.fetch(f"SELECT t::text AS text FROM {table} AS t")  # noqa: S608
        found[table] = Counter(row["text"] for row in texts)
    return found


async def sessions_of(guest: Guest) -> set[str]:
    """Return the ids of a guest's sessions, by the rows that there are."""
    keys, now = guest.doors.keys, guest.world.time()
    weeks = keys.kept_weeks([datetime(2026, 11, day, tzinfo=now.tzinfo) for day in (16, 23)])
    traces = [keys.device_in(guest.mac, week) for week in weeks]
    found = await guest.world.database.fetch(
        "SELECT id FROM past_session WHERE device_trace = ANY($1)"
        " UNION SELECT id FROM live_session WHERE mac = $2",
        traces,
        guest.mac,
    )
    return {str(row["id"]) for row in found}


def matching(names: set[str], found: Mapping[str, Counter[str]]) -> dict[str, int]:
    """Return how many rows of which tables hold one of these names."""
    counts = {
        table: sum(any(name in text for name in names) for text in texts)
        for table, texts in found.items()
    }
    return {table: count for table, count in counts.items() if count}


def of_device(guest: Guest) -> set[str]:
    now, keys = guest.world.time(), guest.doors.keys
    weeks = keys.kept_weeks([datetime(2026, 11, day, tzinfo=now.tzinfo) for day in (9, 16, 23)])
    hashes = [
        *keys.devices(guest.mac, now),
        *keys.counted_on_kept_days(guest.mac),
        *(keys.device_in(guest.mac, week) for week in weeks),
    ]
    return {one.hex() for one in hashes} | {one[:8].hex() for one in hashes}
