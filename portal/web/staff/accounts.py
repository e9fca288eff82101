"""Who has an account: the list that is looked over once a year, and one account with its visits.

Not one's own account (own_account.py), and none is made here. The rules to keep: somebody for some
libraries sees and changes the accounts for these alone; nobody confirms or ends the own one.
"""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain.staff_account import Account, Role, is_account_name
from portal.services.staff.administration import Administration
from portal.web.staff.asked import asked
from portal.web.staff.confirmation import confirmed
from portal.web.staff.errors import FieldError
from portal.web.staff.refusals import refuse
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_SAID = frozenset({"confirmed", "until", "visit"})


async def accounts_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the list: what nobody has looked over for a year first, then by name."""
    known = await site.sign_in.doors.accounts.all()
    seen = [one for one in known if one.is_within(visit.me.account)]
    seen.sort(key=lambda one: (not one.review_is_due(visit.now), not one.is_good(visit.now)))
    due = sum(one.review_is_due(visit.now) for one in seen)
    return site.render("accounts", visit, accounts=seen, due=due, **_telling(site, visit))


async def account_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show one of them."""
    account = await _account(site, visit, asked(visit, "name"))
    done = asked(visit, "done")
    said = f"accounts.said.{done}" if done in _SAID else None
    return site.go("/accounts") if account is None else await _show(site, visit, account, said=said)


async def confirm(site: StaffSite, visit: Visit) -> web.Response:
    """Note that the account is needed still, with these roles and libraries."""
    account = await _others(site, visit)
    if account is None:
        return await refuse(site, visit)
    await _administration(site, visit).confirm(account.name, visit.now)
    return _done(site, account, "confirmed")


async def prolong(site: StaffSite, visit: Visit) -> web.Response:
    """Give the account another last day; an empty field: no end."""
    account = await _others(site, visit)
    if account is None:
        return await refuse(site, visit)
    typed = visit.fields.get("until", "").strip()
    end = _midnight_after(typed, site.settings.time_zone) if typed else None
    if typed and (end is None or end <= visit.now):
        error = FieldError("until", visit.language.text("accounts.until.wrong"))
        return await _show(site, visit, account, 400, error=error)
    await _administration(site, visit).prolong(account.name, end, visit.now)
    return _done(site, account, "until")


async def end_visit(site: StaffSite, visit: Visit) -> web.Response:
    """Sign the account out: of one visit, or with no visit named, everywhere."""
    account = await _others(site, visit)
    if account is None:
        return await refuse(site, visit)
    which = visit.fields.get("visit", "")
    try:
        one = UUID(which) if which else None
    except ValueError:
        return site.go("/accounts")
    await _administration(site, visit).end_visit(account, one, visit.now)
    return _done(site, account, "visit")


async def end(site: StaffSite, visit: Visit) -> web.Response:
    """End the account itself; only the command line lets it begin anew."""
    account = await _others(site, visit)
    if account is None:
        return await refuse(site, visit)
    wrong = await confirmed(site, visit)
    if wrong is not None:
        return await _show(site, visit, account, wrong[1], error=wrong[0])
    await _administration(site, visit).disable(account.name, visit.now)
    return site.go("/accounts")


async def _account(site: StaffSite, visit: Visit, name: str) -> Account | None:
    """Return an account that may be seen."""
    if not is_account_name(name):
        return None
    found = await site.sign_in.doors.accounts.credentials(name)
    return found.account if found and found.account.is_within(visit.me.account) else None


async def _others(site: StaffSite, visit: Visit) -> Account | None:
    """Return the account of the form, if it is one that may be changed: not one's own."""
    account = await _account(site, visit, visit.fields.get("name", ""))
    return None if account is None or account.id == visit.me.account.id else account


def _administration(site: StaffSite, visit: Visit) -> Administration:
    return Administration(site.sign_in.doors, visit.me.account.name)


def _done(site: StaffSite, account: Account, what: str) -> web.Response:
    return site.go("/accounts/one?" + urlencode({"name": account.name, "done": what}))


async def _show(
    site: StaffSite, visit: Visit, account: Account, status: int = 200, **more: object
) -> web.Response:
    is_own = account.id == visit.me.account.id
    values = {
        "one": account,
        "visits": await site.sign_in.doors.sessions.of_account(account.id, visit.now),
        "may_change": visit.me.account.has_one_of({Role.IT}) and not is_own,
        "is_own": is_own,
        "given": visit.fields,
        **_telling(site, visit),
        **more,
    }
    return site.render("accounts-one", visit, status, **values)


def _telling(site: StaffSite, visit: Visit) -> dict[str, object]:
    zone = ZoneInfo(site.settings.time_zone)

    def day(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d}"

    def places(account: Account) -> str:
        if account.sites is None:
            return visit.language.text("log.site.all")
        known = site.settings.sites
        return ", ".join(known[one].name if one in known else one for one in sorted(account.sites))

    def state(account: Account) -> str:
        if account.disabled:
            return "disabled"
        if account.has_expired(visit.now):
            return "expired"
        return "good" if account.enrolled else "waits"

    return {
        "day": day,
        "last_day": lambda moment: day(moment - timedelta(seconds=1)),
        "places": places,
        "state": state,
        "now": visit.now,
        "stamp": lambda moment: f"{moment.astimezone(zone):%Y-%m-%d %H:%M}",
    }


def _midnight_after(day: str, zone: str) -> datetime | None:
    """Return the end of a day (``2027-06-30``) in UTC; None where the text is none."""
    try:
        after = date.fromisoformat(day) + timedelta(days=1)
        return datetime.combine(after, time(), ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
