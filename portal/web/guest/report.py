"""The page /report: a guest says in two presses what does not work.

No words are asked for and none are taken: nobody can write about a person here. The rules to keep:
a report names no guest and no device; and it is one more of what many say, not one each.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from portal.domain.fault_report import GUEST_KINDS, FaultKind
from portal.services.outcomes import Online, RefusalReason
from portal.web.guest.form_token import Purpose
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.posted import read_posted
from portal.web.guest.refusals import FieldError
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

PATH: Final = "/report"

_FAILURES = frozenset(reason.value for reason in RefusalReason) | {"failed"}
_BROWSERS = (
    ("iOS login window", re.compile(r"CaptiveNetworkSupport|(iPhone|iPad)(?!.*Version/)")),
    ("Android login window", re.compile(r"Android.*; wv\)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Edge", re.compile(r"Edg(e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/")),
    ("Safari", re.compile(r"Safari/")),
)
"""The first that fits: most of them also claim to be Safari."""


def browser_family(user_agent: str) -> str:
    """Return a word for the kind of browser: so few kinds that none of them is a person."""
    return next((name for name, sign in _BROWSERS if sign.search(user_agent)), "other")


@dataclass(frozen=True, slots=True)
class Filled:
    """How far the form is filled in: what failed, what was chosen, what is wrong."""

    failed: str
    chosen: str = ""
    error: FieldError | None = None


async def report_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the form, or the number of the report that was just made."""
    number = visit.request.query.get("number", "")
    if number.isascii() and number.isdigit() and len(number) <= 9:
        return site.pages.render("reported", visit, {"report": number})
    return await _form(site, visit, here, Filled(_failure(visit.request.query)))


async def report(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Take a report."""
    posted = await read_posted(site, visit, here, Purpose.REPORT)
    if isinstance(posted, web.Response):
        return posted
    kind, failed = posted.fields.get("kind", ""), _failure(posted.fields)
    if kind not in GUEST_KINDS:
        error = FieldError(f"kind-{GUEST_KINDS[0]}", visit.language.text("report.missing"))
        return await _form(site, visit, here, Filled(failed, error=error))
    if not posted.fresh:
        return await _form(site, visit, here, Filled(failed, kind))
    if not site.reports_left.allows(here.device.mac, visit.now):
        return site.pages.render("message", visit, {"key": "report.often"})
    number = await site.faults.report_from_guest(
        here.library.id, FaultKind(kind), _told(visit, failed), visit.now
    )
    if number is None:
        return site.pages.render("message", visit, {"key": "report.away"}, status=503)
    joiner = "&" if visit.asked_language else "?"
    return site.go_to(f"{visit.location(PATH)}{joiner}number={number}")


def _told(visit: Visit, failed: str) -> Mapping[str, str]:
    """Return what the machine knows of it; nothing that was typed, and nothing of the device."""
    told = {"browsers": browser_family(visit.request.headers.get("User-Agent", ""))}
    return told | ({"failed": failed} if failed else {})


def _failure(said: Mapping[str, str]) -> str:
    failed = said.get("failed", "")
    return failed if failed in _FAILURES else ""


async def _form(site: GuestSite, visit: Visit, here: Here, filled: Filled) -> web.Response:
    is_online = isinstance(await standing_of(site, visit, here), Online)
    usual = FaultKind.NOT_IN.value if filled.failed or not is_online else ""
    values = {
        "kinds": [kind.value for kind in GUEST_KINDS],
        "chosen": filled.chosen or usual,
        "failed": filled.failed,
        "token": site.token(visit, here, Purpose.REPORT),
        "error": filled.error,
    }
    return site.pages.render("report", visit, values)
