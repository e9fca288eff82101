"""Every address of the staff site: what answers there, and who may open it.

Not a router that guesses: paths are exact. The rule to keep: a handler is reached through this
table only, and an entry without its access cannot be written.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from portal.domain.staff_account import EVERY_ROLE, Role
from portal.domain.staff_session import Stage
from portal.slips.pdf import PATIENCE_S
from portal.web.staff import (
    accounts,
    audit,
    batch,
    checks,
    complaint,
    desk,
    enrolment,
    faults,
    frame,
    groups,
    live,
    lock,
    log,
    log_events,
    log_export,
    log_look_up,
    log_session,
    month,
    notices,
    overview,
    own_account,
    printing,
    register,
    report,
    reveal,
    rights,
    screen,
    sign_in,
    tutoring,
    voucher,
)
from portal.web.staff.access import Access, Anyone, InStage, SignedIn, Staff
from portal.web.staff.navigation import (
    AT_THE_DESK,
    LOOKS_ON,
    READS_THE_RECORD,
    RUNS_THE_SYSTEM,
    SEES_PERSONS,
)
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

Method = Literal["GET", "POST"]
Handler = Callable[[StaffSite, Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """``live``: asked by the page itself (a stream, a poll); it is no sign that somebody is there.

    ``patience_s``: how long its answer may take; None: as long as any page's.

    A GET changes nothing. A POST comes to its handler with its form read and its token checked.
    """

    method: Method
    path: str
    handler: Handler
    access: Access
    live: bool = False
    patience_s: float | None = None


class Table:
    """Routes by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._found = {(route.method, route.path): route for route in self.routes}
        if len(self._found) < len(self.routes):
            raise ValueError("two routes have the same method and path")

    def find(self, method: str, path: str) -> Route | None:
        """Return what answers there; HEAD is asked of GET."""
        known: Method = "POST" if method == "POST" else "GET"
        return self._found.get((known, path)) if method in {"GET", "HEAD", "POST"} else None


_ALL = Staff(EVERY_ROLE, at_site=False)
_DESK = Staff(AT_THE_DESK, at_site=True)
_IT = Staff(RUNS_THE_SYSTEM, at_site=False)
_RECORD = Staff(READS_THE_RECORD, at_site=False)
_PRIVACY = Staff(SEES_PERSONS, at_site=False)
_LOOKING = Staff(LOOKS_ON, at_site=False)
_MANAGER = Staff(frozenset({Role.SITE_MANAGER}), at_site=True)

ROUTES = (
    Route("GET", "/sign-in", sign_in.sign_in_page, Anyone()),
    Route("POST", "/sign-in", sign_in.with_password, Anyone()),
    Route("GET", "/code", sign_in.code_page, InStage(Stage.CODE)),
    Route("POST", "/code", sign_in.with_code, InStage(Stage.CODE)),
    Route("GET", "/recovery", sign_in.recovery_page, InStage(Stage.CODE)),
    Route("POST", "/recovery", sign_in.with_recovery_code, InStage(Stage.CODE)),
    Route("GET", "/first", enrolment.first_page, Anyone()),
    Route("POST", "/first", enrolment.begin, Anyone()),
    Route("GET", "/first/password", enrolment.password_page, InStage(Stage.ENROLLING)),
    Route("POST", "/first/password", enrolment.choose_password, InStage(Stage.ENROLLING)),
    Route("GET", "/first/app", enrolment.app_page, InStage(Stage.ENROLLING)),
    Route("POST", "/first/app", enrolment.confirm, InStage(Stage.ENROLLING)),
    Route("POST", "/language", frame.choose_language, Anyone()),
    Route("POST", "/sign-out", frame.sign_out, SignedIn()),
    Route("POST", "/lock", lock.lock, SignedIn()),
    Route("POST", "/unlock", lock.unlock, SignedIn()),
    Route("GET", "/stay", lock.left, _ALL, live=True),
    Route("POST", "/stay", lock.stay, _ALL),
    Route("GET", "/", frame.home, _ALL),
    Route("POST", "/site", frame.choose_site, _ALL),
    Route("GET", "/account", own_account.account_page, _ALL),
    Route("POST", "/account/password", own_account.change_password, _ALL),
    Route("POST", "/account/recovery", own_account.new_recovery_codes, _ALL),
    Route("POST", "/account/end", own_account.end_visit, _ALL),
    Route("POST", "/account/end-others", own_account.end_others, _ALL),
    Route("GET", "/desk", desk.desk_page, _DESK),
    Route("POST", "/desk/make", desk.make, _DESK),
    Route("POST", "/desk/find", desk.find, _DESK),
    Route("GET", "/desk/more", desk.more_page, _DESK),
    Route("POST", "/desk/more", desk.make_more, _DESK),
    Route("GET", "/desk/voucher", voucher.voucher_page, _DESK),
    Route("POST", "/desk/undo", voucher.undo, _DESK),
    Route("POST", "/desk/revoke", voucher.revoke, _DESK),
    Route("POST", "/desk/extend", voucher.extend, _DESK),
    Route("POST", "/desk/reprint", voucher.reprint, _DESK),
    Route("GET", "/desk/print", printing.print_page, _DESK),
    Route("GET", "/desk/screen", printing.on_screen, _DESK),
    Route("GET", "/desk/day", screen.day_page, _DESK),
    Route("POST", "/desk/day", screen.become_screen, _DESK),
    Route("GET", "/screen", screen.screen, Anyone(), live=True),
    Route("POST", "/desk/pdf", printing.make_pdf, _DESK),
    Route("GET", "/desk/pdf", printing.pdf_page, _DESK),
    Route("POST", "/desk/printer", printing.send, _DESK),
    Route("GET", "/desk/batch", batch.batch_page, _DESK),
    Route("POST", "/desk/batch/revoke", batch.revoke, _MANAGER),
    Route("POST", "/desk/batch/table", batch.table, _DESK),
    Route("GET", "/desk/report", report.report_page, _DESK),
    Route("POST", "/desk/report", report.report, _DESK),
    Route("GET", "/desk/live", live.live, _DESK, live=True),
    Route("GET", "/tutoring", tutoring.tutoring_page, _DESK),
    Route("POST", "/tutoring/let-in", tutoring.let_in, _DESK),
    Route("POST", "/tutoring/extend", tutoring.extend, _DESK),
    Route("POST", "/tutoring/end", tutoring.end, _DESK),
    Route("GET", "/tutoring/group", groups.show, _DESK),
    Route("POST", "/tutoring/group/start", groups.start, _DESK),
    Route("POST", "/tutoring/group/extend", groups.extend, _DESK),
    Route("POST", "/tutoring/group/end", groups.end, _DESK),
    Route("GET", "/overview", overview.overview_page, _LOOKING),
    Route("GET", "/overview/live", overview.live, _LOOKING, live=True),
    Route("GET", "/overview/table", overview.table, _LOOKING),
    Route("GET", "/overview/checks", checks.checks_page, _IT),
    Route("GET", "/overview/month", month.month_page, _LOOKING),
    Route("GET", "/overview/month/pdf", month.pdf, _LOOKING, patience_s=PATIENCE_S + 10.0),
    Route("GET", "/overview/month/table", month.table, _LOOKING),
    Route("GET", "/faults", faults.faults_page, _LOOKING),
    Route("POST", "/faults/take", faults.take, _IT),
    Route("POST", "/faults/fix", faults.fix, _IT),
    Route("GET", "/notices", notices.notices_page, _LOOKING),
    Route("POST", "/notices", notices.post, _LOOKING),
    Route("POST", "/notices/end", notices.end, _LOOKING),
    Route("GET", "/log", log.log_page, _IT),
    Route("GET", "/log/live", log.live, _IT, live=True),
    Route("POST", "/log/find", log_look_up.find, _IT),
    Route("GET", "/log/look-up", log_look_up.look_up_page, _IT),
    Route("POST", "/log/look-up", log_look_up.look_up, _IT),
    Route("GET", "/log/session", log_session.session_page, _IT),
    Route("POST", "/log/session", log_session.compare, _IT),
    Route("GET", "/log/export", log_export.export_page, _IT),
    Route("POST", "/log/export", log_export.begin, _IT),
    Route("GET", "/log/export/file", log_export.file, _IT, live=True),
    Route("GET", "/log/complaint", complaint.complaint_page, _IT),
    Route("POST", "/log/complaint", complaint.answer, _IT),
    Route("GET", "/log/refused", log_events.refused_page, _IT),
    Route("GET", "/rights", rights.rights_page, _PRIVACY),
    Route("POST", "/rights", rights.access, _PRIVACY),
    Route("GET", "/rights/file", rights.file, _PRIVACY),
    Route("POST", "/rights/erase", rights.erase, _PRIVACY),
    Route("GET", "/reveal", reveal.reveal_page, _PRIVACY),
    Route("POST", "/reveal", reveal.reveal, _PRIVACY),
    Route("GET", "/accounts", accounts.accounts_page, _RECORD),
    Route("GET", "/accounts/one", accounts.account_page, _RECORD),
    Route("POST", "/accounts/confirm", accounts.confirm, _IT),
    Route("POST", "/accounts/until", accounts.prolong, _IT),
    Route("POST", "/accounts/end-visit", accounts.end_visit, _IT),
    Route("POST", "/accounts/end", accounts.end, _IT),
    Route("GET", "/audit", audit.audit_page, _RECORD),
    Route("GET", "/audit/changes", log_events.changes_page, _RECORD),
    Route("GET", "/audit/register", register.register_page, _RECORD),
)
