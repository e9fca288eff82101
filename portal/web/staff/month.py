"""The monthly report: a page, the same as a PDF, and its numbers for a spreadsheet.

Not the numbers' making (domain/month_report.py). The rules to keep: an account sees its own
libraries, and all together only if it works at all; what is too few is told nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date
from babel.numbers import format_decimal

from portal.domain import month_report, statistics
from portal.domain.month_help import EVERY, HelpMonth
from portal.domain.month_report import LibraryMonth
from portal.domain.spreadsheet import to_csv
from portal.domain.withholding import WITHHELD
from portal.slips.pdf import NoPdf
from portal.web.staff import answers
from portal.web.staff.asked import asked
from portal.web.staff.log import worded
from portal.web.staff.measures import length
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

NUMBERS = (
    *("sessions", "unique_devices_day", "devices_most", "online_hours", "peak_concurrent"),
    *("tries", "success", "median_wait"),
)
"""The columns of the libraries' table; each has its heading in ``month.<name>``."""

HELP: Mapping[str, Sequence[str]] = {
    "help": ("codes", "tutored", "groups", "group_devices", "tutored_hours", "interrupted"),
    "faults": ("faults", "guest_faults", "fixed", "seen_time", "fixed_time"),
    "rating": ("easy", "hard", "easy_share"),
}
"""Further tables and their columns; the tables' headings are ``month.<table>.h2``."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A library's month in words; ``ways`` and ``reasons`` are words and counts.

    ``help`` has a cell for each column of HELP, by its name.
    """

    name: str
    numbers: Sequence[str]
    peak_day: str
    ways: Sequence[tuple[str, str]]
    reasons: Sequence[tuple[str, str]]
    help: Mapping[str, str]


async def month_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the page."""
    return await _render(site, visit, "month")


async def pdf(site: StaffSite, visit: Visit) -> web.Response:
    """Hand over the same as a PDF."""
    page = await _render(site, visit, "month-print")
    if page.status != web.HTTPOk.status_code or page.text is None:
        return page
    made = await site.slips.maker.typeset(page.text)
    if isinstance(made, NoPdf):
        return site.render("message", visit, 503, key="no_pdf")
    return answers.download(made, "application/pdf", f"kvar-{_first(site, visit):%Y-%m}.pdf")


async def table(site: StaffSite, visit: Visit) -> web.Response:
    """Hand over the numbers for a spreadsheet, with what they mean."""
    first = _first(site, visit)
    months = await _months(site, visit, first)
    if months is None:
        return site.render("message", visit, 503, key="away")
    text, shown = visit.language.text, [_shown(one, site, visit) for one in months]
    more = [name for names in HELP.values() for name in names]
    head = [text("overview.site"), *(text(f"month.{name}") for name in (*NUMBERS, *more))]
    body = [
        [one.name, *map(_plain, one.numbers), *(_plain(one.help[name]) for name in more)]
        for one in shown
    ]
    parts = [
        [one.name, text(f"month.{kind}"), name, _plain(count)]
        for one in shown
        for kind, rows in (("ways", one.ways), ("reasons", one.reasons))
        for name, count in rows
    ]
    notes = [
        [text(f"month.definition.{name}.short"), text(f"month.definition.{name}")]
        for name in month_report.DEFINITIONS
    ]
    version = [[text("overview.version"), str(month_report.VERSION)]]
    named = [[text("month.h1"), f"{first:%Y-%m}"]]
    csv = to_csv([*named, head, *body, [], *parts, [], *version, *notes])
    return answers.download(csv.encode(), "text/csv", f"kvar-{first:%Y-%m}.csv")


def _first(site: StaffSite, visit: Visit) -> date:
    today = visit.now.astimezone(ZoneInfo(site.settings.time_zone)).date()
    return month_report.first_day(asked(visit, "month"), today)


async def _months(site: StaffSite, visit: Visit, first: date) -> Sequence[LibraryMonth] | None:
    account = visit.me.account
    own = [one.id for one in site.sites_of(account)]
    return await site.months.of(first, own, total=account.sites is None and len(own) > 1)


async def _render(site: StaffSite, visit: Visit, template: str) -> web.Response:
    first = _first(site, visit)
    months = await _months(site, visit, first)
    if months is None:
        return site.render("message", visit, 503, key="away")
    after = month_report.next_month(first)
    today = visit.now.astimezone(ZoneInfo(site.settings.time_zone)).date()
    return site.render(
        template,
        visit,
        month=format_date(first, "LLLL y", locale=visit.language.tag),
        address=f"{first:%Y-%m}",
        before=f"{month_report.month_before(first):%Y-%m}",
        after=f"{after:%Y-%m}" if after < today else "",
        is_whole=after <= today,
        columns=NUMBERS,
        help=HELP,
        libraries=[_shown(one, site, visit) for one in months],
        days=max((one.days for one in months), default=0),
        definitions=month_report.DEFINITIONS,
        version=month_report.VERSION,
        few=statistics.FEW,
    )


def _shown(one: LibraryMonth, site: StaffSite, visit: Visit) -> Shown:
    known = site.settings.sites.get(one.site_id)
    name = (
        visit.language.text("month.every") if one.site_id == EVERY or known is None else known.name
    )
    hours = one.online_minutes if one.online_minutes == WITHHELD else round(one.online_minutes / 60)
    return Shown(
        name=name,
        numbers=(
            _told(one.sessions, visit),
            _told(one.devices_mean, visit),
            _told(one.devices_most, visit),
            _told(hours, visit),
            _told(one.peak, visit),
            _told(one.tries, visit),
            "–" if one.success is None else f"{one.success * 100:.0f} %",
            "–" if one.median_wait_s is None else f"{ceil(one.median_wait_s)} s",
        ),
        peak_day=""
        if one.peak_day is None
        else format_date(one.peak_day, "d MMMM", locale=visit.language.tag),
        ways=[
            (visit.language.text(f"log.ground.{way}"), _told(n, visit))
            for way, n in one.ways.items()
        ],
        reasons=[
            (worded(visit, "reason", reason), _told(n, visit)) for reason, n in one.reasons.items()
        ],
        help=_help(one.help, visit),
    )


def _help(one: HelpMonth, visit: Visit) -> Mapping[str, str]:
    minutes = one.tutored_minutes
    hours = minutes if minutes in {None, WITHHELD} else round((minutes or 0) / 60)
    share = one.easy_share
    return {
        **{what: _told(count, visit) for what, count in one.counts.items()},
        "tutored_hours": _told(hours, visit),
        "seen_time": _hours(one.seen_h, visit),
        "fixed_time": _hours(one.fixed_h, visit),
        "easy_share": "–" if share is None else f"{share * 100:.0f} %",
    }


def _hours(hours: float | None, visit: Visit) -> str:
    return "–" if hours is None else length(timedelta(hours=hours), visit.language)


def _told(count: int | None, visit: Visit) -> str:
    if count is None:
        return "–"
    return (
        f"<{statistics.FEW}*"
        if count == WITHHELD
        else format_decimal(count, locale=visit.language.tag)
    )


def _plain(number: str) -> str:
    """Return a number as a spreadsheet takes it: without the spaces between thousands."""
    return number.replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "")
