"""On what this desk prints, and in which language: remembered in its browser.

Not a setting of the account: desks differ, people change desks. The rule to keep: an odd cookie is
the default.
"""

from dataclasses import dataclass, replace

from aiohttp import web

from portal.domain.slip import TARGETS, PrintTarget
from portal.slips.sheet import Printing
from portal.web.staff import cookies
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

DEFAULT_TARGET = "a4"


@dataclass(frozen=True, slots=True)
class Paper:
    """``is_direct``: a press on a preset prints at once."""

    target: PrintTarget
    language: str
    is_direct: bool = False

    def kept(self) -> str:
        """Return it as the cookie has it."""
        return f"{self.target.name}.{self.language}.{int(self.is_direct)}"


def chosen(site: StaffSite, visit: Visit) -> Paper:
    """Return what was chosen on this machine last."""
    target, _, rest = visit.request.cookies.get(cookies.PAPER, "").partition(".")
    language, _, direct = rest.partition(".")
    tags = {one.tag for one in site.slips.languages}
    return Paper(
        TARGETS.get(target, TARGETS[DEFAULT_TARGET]),
        language if language in tags else visit.language.tag,
        direct == "1",
    )


def choose(site: StaffSite, visit: Visit, target: str, language: str) -> Paper:
    """Return what is asked for, and for what is not or is odd, the last choice."""
    last = chosen(site, visit)
    tags = {one.tag for one in site.slips.languages}
    return Paper(
        TARGETS.get(target, last.target),
        language if language in tags else last.language,
        last.is_direct,
    )


def remember(response: web.StreamResponse, paper: Paper) -> None:
    """Keep a choice in the browser."""
    cookies.set_paper(response, paper.kept())


def printing(site: StaffSite, paper: Paper) -> Printing:
    """Return the choice as sheets want it; a second language goes in small print."""
    by_tag = {one.tag: one for one in site.slips.languages}
    language = by_tag[paper.language]
    second = next((one for one in site.slips.languages if one is not language), None)
    return Printing(paper.target, language, second)


def offered(site: StaffSite, visit: Visit) -> dict[str, object]:
    """Return what the form for printing offers."""
    return {
        "paper": chosen(site, visit),
        "targets": list(TARGETS),
        "slip_languages": site.slips.languages,
        "printers": site.settings.printers.get(visit.here.id, ()),
    }


def remember_direct(
    site: StaffSite, visit: Visit, response: web.StreamResponse, *, is_direct: bool
) -> None:
    """Remember whether a press prints at once."""
    remember(response, replace(chosen(site, visit), is_direct=is_direct))
