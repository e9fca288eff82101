"""What every handler of the staff site works with.

Not a handler. The rule to keep: locations are our own paths, never anything from a request.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from portal.doctor.finding import Finding
from portal.domain.identity import SiteId
from portal.domain.site import Site
from portal.domain.staff_account import Account
from portal.domain.staff_session import Standing
from portal.services.month_reports import MonthReports
from portal.services.notices import Noticeboard
from portal.services.overview import Overview
from portal.services.ports import Clock
from portal.services.ports.fault_reports import Tickets
from portal.services.staff.enrolment import Enrolment
from portal.services.staff.own_account import OwnAccount
from portal.services.staff.sign_in import StaffSignIn
from portal.web.staff import answers
from portal.web.staff.console_doors import ConsoleDoors
from portal.web.staff.desk_doors import DeskDoors
from portal.web.staff.form_token import Ties, issue_token, token_holds
from portal.web.staff.pages import Pages
from portal.web.staff.settings import StaffSettings
from portal.web.staff.slips import SlipTools
from portal.web.staff.visit import Visit

Examine = Callable[[], Awaitable[Sequence[Finding]]]


async def _nothing() -> Sequence[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class StaffSite:
    """The settings, the services and the pages, together.

    ``desk`` and ``console`` are what the pages of the desk and of IT work with; ``examine`` asks
    the doctor.
    """

    settings: StaffSettings
    sign_in: StaffSignIn
    enrolment: Enrolment
    own_account: OwnAccount
    desk: DeskDoors
    console: ConsoleDoors
    overview: Overview
    faults: Tickets
    notices: Noticeboard
    months: MonthReports
    slips: SlipTools
    pages: Pages
    clock: Clock
    examine: Examine = _nothing

    def render(
        self, name: str, visit: Visit, status: int = 200, /, **values: object
    ) -> web.Response:
        """Answer with a page: ``templates/staff/<name>.html``."""
        return self.pages.render(name, visit, {**self._forms(visit), **values}, status=status)

    def go(self, path: str) -> web.Response:
        """Send the browser to a path of our own, query and all."""
        return answers.redirect(path)

    async def still_open(self, visit: Visit) -> bool:
        """Say whether what opened a page still holds: for streams, which outlive their request."""
        doors, now = self.sign_in.doors, self.clock()
        session = await doors.sessions.find(visit.binding)
        if session is None or session.standing(doors.times, now) is not Standing.GOOD:
            return False
        now_may, could = session.account, visit.me.account
        same_rights = (now_may.roles, now_may.sites) == (could.roles, could.sites)
        return same_rights and session.site_id == visit.me.site_id

    def token_holds(self, visit: Visit) -> bool:
        """Say whether the form that was posted is one of ours, for this browser, here and now."""
        token = visit.fields.get("token", "")
        ties = _ties(visit, visit.path)
        return token_holds(self.settings.form_key, ties, token, visit.now)

    def sites_of(self, account: Account) -> tuple[Site, ...]:
        """Return where the account may work."""
        known = self.settings.sites
        return tuple(known[site_id] for site_id in account.sites_among(known))

    def site(self, site_id: SiteId | None) -> Site | None:
        """Return the site, None where there is no such site (any more)."""
        return None if site_id is None else self.settings.sites.get(site_id)

    def _forms(self, visit: Visit) -> dict[str, object]:
        key = self.settings.form_key

        def token(path: str) -> str:
            return issue_token(key, _ties(visit, path), visit.now)

        sites = self.sites_of(visit.session.account) if visit.session else ()
        return {"token": token, "sites": sites}


def _ties(visit: Visit, path: str) -> Ties:
    site = (visit.session.site_id or "") if visit.session else ""
    return Ties(visit.binding, path, site)
