"""A day at two libraries, in numbers: what the overview is drawn from."""

from datetime import datetime, timedelta
from math import inf, sin

from portal.domain.fault_report import FaultKind
from portal.domain.identity import SiteId
from portal.domain.statistics import TryCount, WaitCount, bucket_of
from portal.services.ports.statistics import NodeReport
from portal.storage.statistics import PostgresStatistics
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, StaffWorld

_WAYS = (("card", 6), ("voucher", 3), ("open", 2), ("tutor", 1), ("remembered", 4), ("day_code", 1))

_HELP = (
    *(("city", "codes", 148), ("city", "tutored", 41), ("city", "groups", 3)),
    *(("city", "group_devices", 29), ("city", "faults", 4), ("city", "guest_faults", 17)),
    *(("city", "fixed", 4), ("city", "easy", 212), ("city", "hard", 19)),
    *(("branch", "codes", 36), ("branch", "tutored", 9), ("branch", "faults", 1)),
    *(("branch", "easy", 31), ("branch", "hard", 2), ("branch", "interrupted", 1)),
)

_FACTS = """{"version": "0.1.0", "gate_answers": true, "internet_is_down": false,
"library_is_away": true, "online": 43, "waiting": 3,
"library_answers_last_hour": {"ok": 31, "unavailable": 4}, "refusals_last_hour": {"lms.down": 4}}"""


async def a_day(world: StaffWorld) -> None:
    """Count what happened in the last 24 hours, an outage of the library system included."""
    store, now = PostgresStatistics(world.database), world.time()
    tries: list[TryCount] = []
    waits: list[WaitCount] = []
    for number in range(288):
        at = bucket_of(now) - timedelta(minutes=5 * number)
        open_for = 8 <= at.hour + 1 < 19
        if not open_for:
            continue
        for site_id, share in ((CITY, 1.0), (BRANCH, 0.3)):
            tries += _tries(at, site_id, share, number)
            waits.append(WaitCount(at, site_id, "card", 15.0 if number % 3 else 30.0, 3))
    waits.append(WaitCount(bucket_of(now), CITY, "card", inf, 1))
    await store.add(tries, waits)
    for number in range(288):
        at = bucket_of(now) - timedelta(minutes=5 * number)
        online = int(60 + 50 * sin(number / 46)) if 7 <= at.hour < 18 else 0
        await world.database.fetch(
            "INSERT INTO online_sample VALUES ($1, 'city', $2), ($1, 'branch', $3)",
            *(at, online, online // 4),
        )
    await store.report(
        NodeReport("gateway-1", now, "0.1.0", in_step=True, gate_answers=True, gate_devices=43)
    )
    gone = now - timedelta(minutes=20)
    await store.report(NodeReport("gateway-2", gone, "0.1.0", in_step=False, gate_answers=False))
    for minutes, kind, site_id in ((90, "clock_jumped", ""), (12, "many_wrong_pins", "city")):
        await world.database.fetch(
            "INSERT INTO event (at, kind, site_id) VALUES ($1, $2, $3)",
            *(now - timedelta(minutes=minutes), kind, site_id),
        )
    for hours, kind, words in ((6, "nobody_in", "Ingen kommer in sedan i morse."), (1, "slow", "")):
        await world.database.fetch(
            "INSERT INTO fault_report (at, site_id, kind, words, facts, by) VALUES"
            " ($1, 'city', $2, $3, $4::jsonb, 'robin')",
            *(now - timedelta(hours=hours), kind, words, _FACTS),
        )
    await a_month(world)
    await store.add(_at_points(bucket_of(now)), [])
    await world.database.fetch(
        "INSERT INTO accounting_session (name, access_point, nas, bss, site_id, started_at,"
        " told_at, heard_at, upload_octets, download_octets, upload_before, download_before,"
        " duration)"
        " SELECT sha256(convert_to('ap' || n, 'UTF8')), 'ap-hall', '', '', 'city', $1, $1, $1,"
        " 0, 0, 0, 0, '0' FROM generate_series(1, 17) AS n",
        now - timedelta(minutes=3),
    )
    said = {"browsers": "Firefox", "failed": "lms.down"}
    for _ in range(7):
        await world.site.desk.faults.report_from_guest(CITY, FaultKind.NOT_IN, said, now)
    await world.database.fetch(
        "INSERT INTO sign_in_attempt (at, card, device, site_id, outcome)"
        " VALUES ($1, decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'),"
        " 'branch', 'unavailable')",
        now - timedelta(minutes=1),
    )


def _at_points(at: datetime) -> list[TryCount]:
    made = []
    for name, good, bad in (("ap-hall", 40, 3), ("ap-barn", 11, 9)):
        made.append(TryCount(at, CITY, "card", "admitted", "", good, name))
        made.append(TryCount(at, CITY, "card", "refused", "service", bad, name))
    return made


async def a_month(world: StaffWorld) -> None:
    """Count some days, an account of the outage included."""
    for day in range(1, 26):
        for site_id, share in (("city", 10), ("branch", 3), ("", 13)):
            await world.database.fetch(
                "INSERT INTO day_figure VALUES (make_date(2026, 11, $1), $2, $3, $4, $5, $6, $7)",
                *(day, site_id, share * 9 + day, share * 7, share * 700, share * 4 + day % 5),
                share * 18,
            )
    rows = [
        *(("city", way, "admitted", "", 90 * count) for way, count in _WAYS),
        *(("branch", way, "admitted", "", 20 * count) for way, count in _WAYS),
        ("city", "card", "refused", "cred.wrong", 211),
        ("city", "card", "refused", "lms.down", 38),
        ("city", "card", "refused", "card.blocked", 3),
        ("branch", "card", "refused", "cred.wrong", 31),
        ("branch", "card", "refused", "card.blocked", 9),
    ]
    for row in rows:
        await world.database.fetch(
            "INSERT INTO day_try VALUES ('2026-11-12', $1, $2, $3, $4, $5)", *row
        )
    for site_id, what, count in _HELP:
        table = "day_rating" if what in {"easy", "hard"} else "day_help"
        await world.database.fetch(
            f"INSERT INTO {table} VALUES ('2026-11-12', $1, $2, $3)",  # noqa: S608
            *(site_id, what, count),
        )
    await world.database.fetch(
        "INSERT INTO day_wait VALUES ('2026-11-12', 'city', 'card', 15, 80),"
        " ('2026-11-12', 'city', 'card', 30, 120), ('2026-11-12', 'branch', 'card', 60, 3)"
    )


def _tries(at: datetime, site_id: SiteId, share: float, number: int) -> list[TryCount]:
    made = [
        TryCount(at, site_id, way, "admitted", "", max(1, round(count * share)))
        for way, count in _WAYS
        if (number + count) % 3
    ]
    if number % 2:
        made.append(TryCount(at, site_id, "card", "refused", "cred.wrong", 1))
    if site_id == BRANCH and number < 8:
        made.append(TryCount(at, site_id, "card", "refused", "lms.down", 4))
    if number % 7 == 0:
        made.append(TryCount(at, site_id, "voucher", "mistyped", "code.typo", 1))
    return made
