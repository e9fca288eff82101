"""The list of fault reports, the same for the library and for IT: whose each is, and how old.

Not the form that makes one (report.py). The rules to keep: an account sees its own sites' reports;
IT alone takes and fixes them; nothing here is about a visitor.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from portal.domain.fault_report import FaultStatus, Ticket
from portal.domain.staff_account import Role
from portal.services.doors import STORE_ERRORS
from portal.web.staff.asked import asked, number_in
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

FIXED_FOR = timedelta(days=14)
"""How long one that is fixed stays in the list."""

FACTS = (
    "version", "gate_answers", "internet_is_down", "library_is_away", "online", "waiting",
    "library_answers_last_hour", "refusals_last_hour", "failed", "browsers",
)  # fmt: skip
"""In this order; others stand after them by their own names."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One report, in words."""

    ticket: Ticket
    place: str
    age: str
    is_overdue: bool
    facts: Mapping[str, str]


async def faults_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the list."""
    own = site.sites_of(visit.me.account)
    names = {one.id: one.name for one in own}
    try:
        tickets = await site.faults.of_sites(list(names), visit.now - FIXED_FOR)
    except STORE_ERRORS:
        return site.render("message", visit, 503, key="away")
    shown = [_shown(one, names[one.report.site_id], site, visit) for one in tickets]
    is_fixed = FaultStatus.FIXED
    return site.render(
        "faults",
        visit,
        still=[one for one in shown if one.ticket.status is not is_fixed],
        fixed=[one for one in shown if one.ticket.status is is_fixed],
        runs=visit.me.account.has_one_of({Role.IT}),
        done=asked(visit, "done") if asked(visit, "done") in {"taken", "fixed", "gone"} else "",
    )


async def take(site: StaffSite, visit: Visit) -> web.Response:
    """Make a report one's own."""
    number, name = number_in(visit.fields, "number"), visit.me.account.name
    own = [one.id for one in site.sites_of(visit.me.account)]
    took = number is not None and await site.faults.see(number, own, name, visit.now)
    return site.go("/faults?done=taken" if took else "/faults?done=gone")


async def fix(site: StaffSite, visit: Visit) -> web.Response:
    """Say that what was reported is fixed."""
    number, name = number_in(visit.fields, "number"), visit.me.account.name
    own = [one.id for one in site.sites_of(visit.me.account)]
    fixed = number is not None and await site.faults.fix(number, own, name, visit.now)
    return site.go("/faults?done=fixed" if fixed else "/faults?done=gone")


def _shown(ticket: Ticket, place: str, site: StaffSite, visit: Visit) -> Shown:
    facts, text = ticket.report.facts, visit.language.text
    known = {text(f"fact.{name}"): _told(facts[name], visit) for name in FACTS if name in facts}
    return Shown(
        ticket,
        place,
        _age(visit.now - ticket.report.at, visit),
        ticket.is_overdue(visit.now, site.settings.answer_within),
        known,
    )


def _age(span: timedelta, visit: Visit) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    text = visit.language.text
    if minutes < 60:
        return text("faults.age.minutes", count=minutes)
    if minutes < 48 * 60:
        return text("faults.age.hours", count=minutes // 60)
    return text("faults.age.days", count=minutes // (24 * 60))


def _told(value: object, visit: Visit) -> str:
    text = visit.language.text
    if isinstance(value, bool):
        return text("fact.yes") if value else text("fact.no")
    if isinstance(value, dict):
        counts = ", ".join(f"{_word(str(key), visit)}: {count}" for key, count in value.items())
        return counts or text("fact.none")
    return value if isinstance(value, str) else json.dumps(value)


def _word(key: str, visit: Visit) -> str:
    texts = visit.language.texts
    return texts.get(f"reason.{key}") or texts.get(f"fact.answer.{key}") or key
