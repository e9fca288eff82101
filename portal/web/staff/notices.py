"""Messages on guests' and staff's pages: who writes them, and what is said now.

Not the showing (every page does). The rules to keep: an account writes for its own libraries, and
for all only if it works at all; who wrote and who ended one stands in the event log.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain.identity import SiteId
from portal.domain.notice import LONGEST_SHOWN, LONGEST_WORDS, Notice, plain
from portal.domain.staff_account import Account
from portal.services.doors import STORE_ERRORS
from portal.web.staff.asked import asked, moment_in
from portal.web.staff.errors import FieldError
from portal.web.staff.log_address import local_text
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

USUALLY = timedelta(hours=2)
EVERY = "*"
"""The choice "every library" in the form; no site can be called so."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that is not over. ``place`` "": at every library."""

    notice: Notice
    place: str
    is_on: bool
    may_end: bool


async def notices_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show what is said, what will be, and the form."""
    return await _show(site, visit)


async def post(site: StaffSite, visit: Visit) -> web.Response:
    """Say something."""
    notice = _read(site, visit)
    if isinstance(notice, FieldError):
        return await _show(site, visit, notice)
    try:
        await site.notices.notices.post(notice)
        await site.notices.read()
    except STORE_ERRORS:
        return site.render("message", visit, 503, key="away")
    return site.go("/notices?done=posted")


async def end(site: StaffSite, visit: Visit) -> web.Response:
    """Say it no longer."""
    account = visit.me.account
    own = None if account.sites is None else [one.id for one in site.sites_of(account)]
    try:
        which = UUID(visit.fields.get("notice", ""))
        ended = await site.notices.notices.end(which, own, account.name, visit.now)
        await site.notices.read()
    except ValueError:
        ended = False
    except STORE_ERRORS:
        return site.render("message", visit, 503, key="away")
    return site.go("/notices?done=ended" if ended else "/notices?done=gone")


async def _show(site: StaffSite, visit: Visit, error: FieldError | None = None) -> web.Response:
    account = visit.me.account
    own = {one.id: one.name for one in site.sites_of(account)}
    try:
        coming = await site.notices.notices.coming(visit.now)
    except STORE_ERRORS:
        return site.render("message", visit, 503, key="away")
    listed = [
        Shown(
            one,
            "" if one.site_id is None else own[one.site_id],
            one.from_at <= visit.now,
            account.sites is None or one.site_id in own,
        )
        for one in coming
        if one.site_id is None or one.site_id in own
    ]
    return site.render(
        "notices",
        visit,
        400 if error else 200,
        listed=listed,
        error=error,
        given=_given(site, visit),
        every=EVERY,
        works_everywhere=account.sites is None,
        longest=LONGEST_WORDS,
        done=asked(visit, "done") if asked(visit, "done") in {"posted", "ended", "gone"} else "",
    )


def _given(site: StaffSite, visit: Visit) -> dict[str, str]:
    """Return what stands in the form: what was sent, or the next two hours."""
    zone = ZoneInfo(site.settings.time_zone)
    usual = {
        "site": visit.me.site_id or "",
        "from": local_text(visit.now, zone),
        "until": local_text(visit.now + USUALLY, zone),
    }
    sent = visit.fields
    return {
        name: sent.get(name, usual.get(name, "")) for name in ("site", "sv", "en", "from", "until")
    }


def _read(site: StaffSite, visit: Visit) -> Notice | FieldError:
    text, fields = visit.language.text, visit.fields
    account, where = visit.me.account, fields.get("site", "")
    if not _may_write_for(site, account, where):
        return FieldError("where", text("notices.where.missing"))
    words = {tag: plain(fields.get(tag, "")) for tag in ("sv", "en")}
    for tag, said in words.items():
        if not said or len(said) > LONGEST_WORDS:
            return FieldError(tag, text("notices.words.missing", most=LONGEST_WORDS))
    begin = moment_in(fields, "from", site.settings.time_zone)
    until = moment_in(fields, "until", site.settings.time_zone)
    if begin is None:
        return FieldError("from", text("notices.time.missing"))
    if until is None or until <= max(begin, visit.now):
        return FieldError("until", text("notices.until.early"))
    if until - begin > LONGEST_SHOWN:
        return FieldError("until", text("notices.until.late", days=LONGEST_SHOWN.days))
    place = None if where == EVERY else SiteId(where)
    return Notice(uuid4(), place, words["sv"], words["en"], begin, until, visit.now, account.name)


def _may_write_for(site: StaffSite, account: Account, where: str) -> bool:
    if where == EVERY:
        return account.sites is None
    return where in {one.id for one in site.sites_of(account)}
