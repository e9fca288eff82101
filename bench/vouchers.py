"""``make bench NAME=vouchers``: a thousand made and printed, fifty a second used, and a flood.

The services run in this process, on a PostgreSQL that flushes to disk and a simulated gate. The
floor of a login is one transaction with one row, that of a making the same rows in one bare
statement, that of the desk's board its bare queries; each takes turns with what it is for. The
flood: well-formed codes that nobody has, from ever new addresses, at a site where 2,000 are good.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bench.rows import Row, median, percentile
from bench.services_stage import postgres, simulated_gate
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.site import LoginMethod, Site
from portal.domain.slip import A4_SLIPS, Network, SlipPlace
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Lasts
from portal.domain.voucher_code import with_check_digit
from portal.gate import AgentGate
from portal.services.board import Board
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupTutoring
from portal.services.key_ring import KeyRing
from portal.services.outcomes import Admitted, Refused
from portal.services.ports.vouchers import VoucherAnswer, VoucherTried
from portal.services.redeem import Redeem
from portal.services.slips import slip_of
from portal.services.tutoring import Tutoring
from portal.services.voucher_orders import IssuedVoucher, MadeVouchers, VoucherOrder
from portal.services.vouchers import Vouchers
from portal.slips import TEXTS
from portal.slips.pdf import PdfMaker
from portal.slips.sheet import Printing
from portal.storage.arrivals import PostgresArrivals
from portal.storage.board import PostgresBoardMarks
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.tutoring import PostgresTutored
from portal.storage.tutoring_groups import PostgresGroups
from portal.storage.vouchers import PostgresVouchers
from portal.web.templating import find_templates
from portal.web.texts import load_languages

MAIN = SiteId("main")
SITE = Site(MAIN, "Exempelby stadsbibliotek", (LoginMethod.CODE,), None)
PLACE = SlipPlace(Network("Bibliotek-gast"), "https://wifi.example.se", "wifi.example.se", "UTC")
FOUR_HOURS = Lasts(timedelta(hours=4))
SEED = 4
BATCH = 1_000
LIVE = 2_000
PACE_S = 0.02
GOAL_BOTH_S = 20.0
FLOOD_DEVICES = 200_000
"""An attacker has as many addresses as it likes; each is used five times."""

_BARE_ROWS = """
INSERT INTO floor_row (id, code, token, subject, sealed)
SELECT * FROM unnest($1::int[], $2::bytea[], $2::bytea[], $2::bytea[], $2::bytea[])
"""
_BARE_ROW = "INSERT INTO floor_row (id, code) VALUES ($1, $2)"
_FLOOR_TABLE = """
CREATE TABLE floor_row (id int, code bytea, token bytea, subject bytea, sealed bytea)
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line."""

    batch: int = BATCH
    live: int = LIVE
    logins: int = 500
    waiting: int = 300
    looks: int = 50
    guesses: int = 1_000_000


class CountedVouchers(PostgresVouchers):
    """The real store, which notes how often a typed code reaches the database."""

    asked = 0

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        """Count, and ask."""
        self.asked += 1
        return await super().try_code(tried, limits, now)


def measure(size: Size | None = None) -> list[Row]:
    """Measure everything on one database."""
    return asyncio.run(_measure(size or Size()))


async def _measure(size: Size) -> list[Row]:
    async with postgres() as dsn, _doors(dsn) as (doors, database):
        await database.fetch(_FLOOR_TABLE)
        rows, issued = await _making(doors, database, size)
        rows += await _printing(issued, rows[0].value, size)
        rows += await _redeeming(doors, database, issued, size)
        rows += await _board(doors, database, size)
        rows += await _flood(doors, database, size)
    return rows


@asynccontextmanager
async def _doors(dsn: str) -> AsyncIterator[tuple[Doors, Database]]:
    with tempfile.TemporaryDirectory() as keys:
        async with Database(dsn, size=4) as database, simulated_gate() as client:
            yield (
                Doors(
                    sessions=PostgresSessions(database),
                    attempts=PostgresAttempts(database),
                    arrivals=PostgresArrivals(database),
                    groups=PostgresGroups(database),
                    vouchers=CountedVouchers(database),
                    returns=PostgresReturns(database),
                    events=PostgresEvents(database),
                    gate=AgentGate(client),
                    keys=KeyRing(Path(keys)),
                    library=None,
                    sites={MAIN: SITE},
                ),
                database,
            )


def _device(number: int) -> Device:
    return Device(MacAddress((0x02_00_00_00_00_00 + number).to_bytes(6).hex(":")), MAIN)


# --- making and printing ------------------------------------------------------------------------


async def _making(
    doors: Doors, database: Database, size: Size
) -> tuple[list[Row], Sequence[IssuedVoucher]]:
    order = VoucherOrder(MAIN, FOUR_HOURS, count=size.batch)
    began = perf_counter()
    made = await Vouchers(doors).make(order, "bench", datetime.now(UTC))
    took = perf_counter() - began
    if not isinstance(made, MadeVouchers):
        raise TypeError(made)
    began = perf_counter()
    numbers = list(range(size.batch))
    await database.fetch(_BARE_ROWS, numbers, [bytes(32)] * size.batch)
    floor = perf_counter() - began
    return [Row(f"making {size.batch:,} vouchers", took, "s", floor)], made.issued


async def _printing(issued: Sequence[IssuedVoucher], making_s: float, size: Size) -> list[Row]:
    slips = [slip_of(one, SITE, PLACE) for one in issued]
    swedish = load_languages(TEXTS)[0]
    told: list[int] = []
    with PdfMaker(find_templates() / "slips") as maker:
        began = perf_counter()
        pdf = await maker.make(
            slips, Printing(A4_SLIPS, swedish), lambda done, _all: told.append(done)
        )
        took = perf_counter() - began
    if not isinstance(pdf, bytes):
        raise TypeError(pdf)
    both = making_s + took
    return [
        Row(f"PDF of {size.batch:,} slips on A4", took, "s"),
        Row("both together", both, "s", goal="<= 20 s", holds=both <= GOAL_BOTH_S),
        Row("times that progress was told", len(told), "times"),
        Row("size of the PDF", len(pdf) / 1024, "kB"),
    ]


# --- using --------------------------------------------------------------------------------------


async def _redeeming(
    doors: Doors, database: Database, issued: Sequence[IssuedVoucher], size: Size
) -> list[Row]:
    """Fifty a second, each beside one committed row."""
    redeem, ours, floor = Redeem(doors), [], []
    for number, one in enumerate(issued[: size.logins]):
        began = perf_counter()
        code = one.slip.code.reveal()
        outcome = await redeem.with_code(_device(number), code, datetime.now(UTC))
        ours.append((perf_counter() - began) * 1000)
        if not isinstance(outcome, Admitted):
            raise TypeError(outcome)
        began = perf_counter()
        await database.fetch(_BARE_ROW, number, bytes(32))
        floor.append((perf_counter() - began) * 1000)
        await asyncio.sleep(max(0.0, PACE_S - (ours[-1] + floor[-1]) / 1000))
    what = "using a voucher, 50 a second"
    return [
        Row(f"{what}, median", median(ours), "ms", median(floor), runs=len(ours)),
        Row(f"{what}, p95", percentile(ours, 95), "ms", percentile(floor, 95), runs=len(ours)),
    ]


# --- the desk -----------------------------------------------------------------------------------

_BARE_BOARD = (
    "SELECT * FROM arrival WHERE site_id = 'main' AND admitted_at IS NULL ORDER BY number",
    "SELECT * FROM live_session WHERE site_id = 'main' AND tutored_as IS NOT NULL",
    "SELECT * FROM tutoring_group WHERE site_id = 'main' AND ended_at IS NULL",
)


async def _board(doors: Doors, database: Database, size: Size) -> list[Row]:
    now = datetime.now(UTC)
    for number in range(size.waiting):
        await doors.arrivals.see(_device(1_000_000 + number), now, "iPhone")
    tutoring, groups = Tutoring(doors, PostgresTutored(database)), GroupTutoring(doors)
    board = Board(tutoring, groups, PostgresBoardMarks(database))
    pictures, floor, marks = [], [], []
    for _ in range(size.looks):
        began = perf_counter()
        picture = await board.picture(MAIN, now)
        pictures.append((perf_counter() - began) * 1000)
        if picture is None or len(picture.waiting) != size.waiting:
            raise AssertionError(picture)
        began = perf_counter()
        for query in _BARE_BOARD:
            await database.fetch(query)
        floor.append((perf_counter() - began) * 1000)
        began = perf_counter()
        await board.mark(MAIN, now)
        marks.append((perf_counter() - began) * 1000)
    what = f"the desk's board, {size.waiting} devices waiting"
    return [
        Row(what, median(pictures), "ms", median(floor), runs=size.looks),
        Row("whether it changed, every 2 s", median(marks), "ms", runs=size.looks),
    ]


# --- a flood of guesses -------------------------------------------------------------------------


async def _flood(doors: Doors, database: Database, size: Size) -> list[Row]:
    vouchers, limits, now = Vouchers(doors), CodeLimits(), datetime.now(UTC)
    missing = size.live - await _live(vouchers, now)
    for first in range(0, missing, BATCH):
        count = min(BATCH, missing - first)
        await vouchers.make(VoucherOrder(MAIN, FOUR_HOURS, count=count), "bench", now)
    good = await vouchers.make(VoucherOrder(MAIN, FOUR_HOURS), "bench", now)
    if not isinstance(good, MadeVouchers) or not isinstance(doors.vouchers, CountedVouchers):
        raise TypeError(good)
    redeem, before = Redeem(doors), doors.vouchers.asked
    began = perf_counter()
    hits = await _guess(redeem, size.guesses)
    took = perf_counter() - began
    asked = doors.vouchers.asked - before
    counted = await _counted(database)
    alarms = await database.fetch("SELECT 1 FROM event WHERE kind = 'many_wrong_codes'")
    token = good.issued[0].slip.token.reveal()
    by_token = await redeem.with_token(_device(5_000_000), token, datetime.now(UTC))
    desk = await vouchers.make(VoucherOrder(MAIN, FOUR_HOURS), "bench", datetime.now(UTC))
    is_open = isinstance(by_token, Admitted) and isinstance(desk, MadeVouchers)
    cap, asks = limits.per_site, limits.per_site + 1 + int(took)
    return [
        Row(f"{size.guesses:,} guesses, hits", hits, "codes", goal="0", holds=hits == 0),
        Row("looked up", counted, "codes", goal=f"<= {cap}", holds=counted <= cap),
        Row("asked of the database", asked, "times", goal=f"<= {asks}", holds=asked <= asks),
        Row("alarms", len(alarms), "events", goal=">= 1", holds=bool(alarms)),
        Row("QR and desk went on", float(is_open), "", goal="1", holds=is_open),
        Row("a guess that is held back", took / size.guesses * 1e6, "us"),
    ]


async def _live(vouchers: Vouchers, now: datetime) -> int:
    live = await vouchers.live(MAIN, now)
    if not isinstance(live, int):
        raise TypeError(live)
    return live


async def _guess(redeem: Redeem, guesses: int) -> int:
    """Guess well-formed codes, and return how many let somebody in."""
    draw, hits = random.Random(SEED), 0
    for number in range(guesses):
        code = with_check_digit(f"{draw.randrange(10**9):09}")
        device = _device(2_000_000 + number % FLOOD_DEVICES)
        outcome = await redeem.with_code(device, code, datetime.now(UTC))
        hits += not isinstance(outcome, Refused)
    return hits


async def _counted(database: Database) -> int:
    rows = await database.fetch("SELECT count(*) AS count FROM code_attempt")
    return int(rows[0]["count"])
