"""The live page: how the libraries do now, in a few numbers, two charts and their tables.

Not the counting (services/overview.py) and not the log. The rules to keep: an account sees its own
sites only; IT sees how the machines do as well; no number is about one person.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain import statistics
from portal.domain.identity import SiteId
from portal.domain.site import LoginMethod, Site
from portal.domain.spreadsheet import to_csv
from portal.domain.staff_account import Role
from portal.domain.statistics import OnlineSample, TryCount, WaitCount
from portal.services.ports.statistics import PointNow, Records
from portal.web.staff import answers, charts
from portal.web.staff.live import stream
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

HOUR = timedelta(hours=1)
SLOT = timedelta(minutes=30)
SLOTS = 48
LABEL_EVERY = 8
SILENT_AFTER = timedelta(minutes=1)
"""A keeper reports every 15 s."""

SILENT_POINT_AFTER = timedelta(minutes=30)
"""Access points tell of a visit every five or ten minutes; where nobody is, of nothing."""

TICK_S = 5
"""How often a page that is open asks anew."""


_Counted = TypeVar("_Counted", OnlineSample, TryCount, WaitCount)


@dataclass(frozen=True, slots=True)
class Tile:
    """One big number: its key names its words; ``spark`` is the line of the last day."""

    key: str
    value: str
    note: str
    spark: str


@dataclass(frozen=True, slots=True)
class Row:
    """One library."""

    site: Site
    online: int
    peak: int
    tries: int
    success: str
    success_share: float | None
    median_s: float | None
    waited: int
    reason: str
    asks_library: bool
    library_is_away: bool
    tutored: int
    access_points: int
    faults: int


@dataclass(frozen=True, slots=True)
class Point:
    """One access point; ``reasons`` are the commonest three of the last hour."""

    name: str
    place: str
    tries: int
    success: str
    refused_share: float
    reasons: Sequence[tuple[str, int]]
    online: int
    radios: int
    heard_at: datetime | None
    is_silent: bool


async def overview_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the page."""
    known = await site.overview.records(visit.now)
    if known is None:
        return site.render("message", visit, 503, key="away")
    at, records = known
    own = site.sites_of(visit.me.account)
    records = only(records, {one.id for one in own})
    zone = ZoneInfo(site.settings.time_zone)
    rows = _rows(own, records, visit)
    runs = visit.me.account.has_one_of({Role.IT})
    slots = _slots(records, visit, zone)
    return site.render(
        "overview",
        visit,
        tiles=_tiles(records, visit, zone),
        rows=rows,
        runs=runs,
        hears_radios=any(row.access_points for row in rows),
        chart=charts.columns(slots, LABEL_EVERY, visit.language.text("overview.others")),
        slots=slots,
        width=charts.WIDTH,
        height=charts.HEIGHT,
        spark=(charts.SPARK_WIDTH, charts.SPARK_HEIGHT),
        why=_why(records, visit),
        points=_points(own, records, visit) if runs else (),
        nodes=[(node, visit.now - node.at > SILENT_AFTER) for node in records.nodes],
        news=[(one, _place(one.site_id, own)) for one in records.news],
        stamp=f"{at.astimezone(zone):%H.%M.%S}",
        definitions=statistics.DEFINITIONS,
        version=statistics.VERSION,
    )


async def live(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Say "changed" every few seconds: an age is never right for longer."""

    async def mark() -> str:
        return str(int(site.clock().timestamp()) // TICK_S)

    return await stream(site, visit, mark)


async def table(site: StaffSite, visit: Visit) -> web.Response:
    """Hand over the numbers of the libraries for a spreadsheet, with what they mean."""
    known = await site.overview.records(visit.now)
    if known is None:
        return site.render("message", visit, 503, key="away")
    own = site.sites_of(visit.me.account)
    records = only(known[1], {one.id for one in own})
    text = visit.language.text
    rows = _rows(own, records, visit)
    head = ["overview.site", *(f"definition.{name}.short" for name in statistics.DEFINITIONS)]
    body = [
        [
            row.site.name,
            _told(row.online),
            _told(row.peak),
            _told(row.tries),
            "" if row.success_share is None or row.tries < statistics.FEW else row.success,
            "" if row.median_s is None or row.waited < statistics.FEW else str(round(row.median_s)),
            str(row.faults),
        ]
        for row in rows
    ]
    notes = [[text(f"definition.{name}.short"), text(f"definition.{name}")] for name in
             statistics.DEFINITIONS]  # fmt: skip
    zone = ZoneInfo(site.settings.time_zone)
    stamp = f"{visit.now.astimezone(zone):%Y-%m-%d %H:%M}"
    made = [[text("overview.made"), stamp], [text("overview.version"), str(statistics.VERSION)]]
    csv = to_csv([[text(key) for key in head], *body, [], *made, *notes])
    return answers.download(csv.encode(), "text/csv", "kvar-overview.csv")


def only(records: Records, own: set[SiteId]) -> Records:
    """Return what is of these sites; what is of no single site stays."""
    return replace(
        records,
        online={site_id: n for site_id, n in records.online.items() if site_id in own},
        samples=[one for one in records.samples if one.site_id in own],
        tries=[one for one in records.tries if one.site_id in own],
        waits=[one for one in records.waits if one.site_id in own],
        points=[one for one in records.points if one.site_id in own],
        point_tries=[one for one in records.point_tries if one.site_id in own],
        faults={site_id: one for site_id, one in records.faults.items() if site_id in own},
        news=[one for one in records.news if one.site_id in own or not one.site_id],
    )


def _told(count: int) -> str:
    """Return a count of people's doings, a small one withheld: this leaves the house."""
    return str(count) if count == 0 or count >= statistics.FEW else f"<{statistics.FEW}"


def _by_hour(records: Iterable[_Counted], now: datetime) -> list[list[_Counted]]:
    hours: list[list[_Counted]] = [[] for _ in range(24)]
    for one in records:
        place = (one.at - now) // HOUR
        if -24 <= place < 0:
            hours[place].append(one)
    return hours


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.0f} %"


def _seconds(length_s: float | None) -> str:
    return "–" if length_s is None else f"{ceil(length_s)} s"


def _tiles(records: Records, visit: Visit, zone: ZoneInfo) -> Sequence[Tile]:
    now, text = visit.now, visit.language.text
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    online = sum(records.online.values())
    most = max(statistics.peak(records.samples, today), online)
    tries = [one for one in records.tries if one.at > now - HOUR]
    waits = [one for one in records.waits if one.at > now - HOUR]
    by_hour, waits_by_hour = _by_hour(records.tries, now), _by_hour(records.waits, now)
    judged = sum(one.count for one in tries if one.outcome != "mistyped")
    waited = sum(one.count for one in waits)
    faults = sum(one.count for one in records.faults.values())
    unseen = sum(one.unseen for one in records.faults.values())
    success, median = statistics.success_rate(tries), statistics.median_wait_s(waits)
    return (
        Tile(
            "online",
            str(online),
            text("overview.online.note", peak=most),
            charts.sparkline([float(n) for n in statistics.totals(records.samples).values()]),
        ),
        Tile(
            "success",
            _percent(success),
            text("overview.success.note", count=judged),
            charts.sparkline([statistics.success_rate(one) for one in by_hour]),
        ),
        Tile(
            "median_wait",
            _seconds(median),
            text("overview.median_wait.note", count=waited),
            charts.sparkline([statistics.median_wait_s(one) for one in waits_by_hour]),
        ),
        Tile("open_faults", str(faults), text("overview.open_faults.note", count=unseen), ""),
    )


def _rows(own: Sequence[Site], records: Records, visit: Visit) -> list[Row]:
    """Return the libraries' rows; records are many, and each is looked at once."""
    since = visit.now - HOUR
    tries = _by_site(each for each in records.tries if each.at > since)
    waits = _by_site(each for each in records.waits if each.at > since)
    samples = _by_site(records.samples)
    return [
        _row(one, replace(records, tries=tries[one.id], waits=waits[one.id],
                          samples=samples[one.id]), visit)
        for one in own
    ]  # fmt: skip


def _by_site(records: Iterable[_Counted]) -> Mapping[SiteId, list[_Counted]]:
    sites: dict[SiteId, list[_Counted]] = defaultdict(list)
    for one in records:
        sites[one.site_id].append(one)
    return sites


def _row(one: Site, records: Records, visit: Visit) -> Row:
    """Return a library's row out of its own counts."""
    tries = records.tries
    judged = sum(each.count for each in tries if each.outcome != "mistyped")
    reasons = statistics.reasons(tries)
    share = statistics.success_rate(tries)
    faults = records.faults.get(one.id)
    return Row(
        site=one,
        online=records.online.get(one.id, 0),
        peak=statistics.peak(records.samples, visit.now - 24 * HOUR),
        tries=judged,
        success=_percent(share),
        success_share=share,
        median_s=statistics.median_wait_s(records.waits),
        waited=sum(each.count for each in records.waits),
        reason=_reason(reasons[0][0], visit) if reasons else "",
        asks_library=LoginMethod.CARD in one.login_methods,
        library_is_away=one.id in records.library_is_away,
        tutored=records.tutored.get(one.id, 0),
        access_points=sum(each.radios for each in records.points if each.site_id == one.id),
        faults=0 if faults is None else faults.count,
    )


def _points(own: Sequence[Site], records: Records, visit: Visit) -> Sequence[Point]:
    """Return the access points, those first where most is refused: bad radio refuses nobody."""
    tries: dict[tuple[SiteId, str], list[TryCount]] = defaultdict(list)
    for each in records.point_tries:
        tries[each.site_id, each.access_point].append(each)
    shown = [
        _point(one, _place(one.site_id, own), tries[one.site_id, one.name], visit)
        for one in records.points
    ]
    return sorted(shown, key=lambda one: (-one.refused_share, one.place, one.name))


def _point(one: PointNow, place: str, tries: Sequence[TryCount], visit: Visit) -> Point:
    judged = sum(each.count for each in tries if each.outcome != "mistyped")
    share = statistics.success_rate(tries)
    is_silent = one.heard_at is None or visit.now - one.heard_at > SILENT_POINT_AFTER
    return Point(
        name=one.name,
        place=place,
        tries=judged,
        success=_percent(share),
        refused_share=0.0 if share is None or judged < statistics.FEW else 1 - share,
        reasons=[(_reason(reason, visit), n) for reason, n in statistics.reasons(tries)[:3]],
        online=one.online,
        radios=one.radios,
        heard_at=one.heard_at,
        is_silent=is_silent,
    )


def _slots(records: Records, visit: Visit, zone: ZoneInfo) -> list[tuple[str, dict[str, int]]]:
    """Return who was let in, by half hour and by the words for the way in."""
    past = timedelta(minutes=visit.now.minute % 30, seconds=visit.now.second)
    begin = (visit.now - past).replace(microsecond=0) - SLOT * (SLOTS - 1)
    counts: list[Counter[str]] = [Counter() for _ in range(SLOTS)]
    for one in records.tries:
        place = (one.at - begin) // SLOT
        if one.outcome == "admitted" and 0 <= place < SLOTS:
            counts[place][visit.language.text(f"log.ground.{one.method}")] += one.count
    return [
        (f"{(begin + SLOT * place).astimezone(zone):%H.%M}", dict(count))
        for place, count in enumerate(counts)
    ]


def _why(records: Records, visit: Visit) -> Sequence[tuple[str, int, int]]:
    """Return the reasons in words, with the counts of the last day and the last hour."""
    lately = dict(statistics.reasons(one for one in records.tries if one.at > visit.now - HOUR))
    return [
        (_reason(reason, visit), count, lately.get(reason, 0))
        for reason, count in statistics.reasons(records.tries)
    ]


def _reason(reason: str, visit: Visit) -> str:
    key = f"reason.{reason}"
    return visit.language.text(key if key in visit.language.texts else "step.other")


def _place(site_id: SiteId, own: Sequence[Site]) -> str:
    return next((one.name for one in own if one.id == site_id), "")
