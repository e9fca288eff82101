"""The staff site as one function from request to answer.

Not a web framework and not the table of pages (routes.py). The rule to keep: whoever is not known,
not in the right stage, not of the right role or at the wrong site is answered here, before any
handler; so is a form that did not come from our own page.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from portal.domain.returning import label_of
from portal.domain.staff_session import Stage, Standing
from portal.services.key_files import KeyRingError
from portal.services.ports import DatabaseUnavailableError
from portal.services.staff.doors import Asker, token_hash
from portal.web.forms import FormFault, read_form
from portal.web.staff import answers, cookies
from portal.web.staff.access import Anyone, InStage, SignedIn, Staff
from portal.web.staff.asked import BY_ITSELF
from portal.web.staff.lock import show_locked
from portal.web.staff.refusals import refuse
from portal.web.staff.routes import ROUTES, Route, Table
from portal.web.staff.sign_in import ask_to_sign_in
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from portal.web.target import asker_address, own_target
from portal.web.texts import Language, choose_language

_LOG = logging.getLogger("portal.web.staff")

LOOKS_AGAIN = "X-Kvar-Live"
"""What a page's script sends when it asks for the page anew: no sign that somebody is there."""

TOUCH_AFTER = timedelta(seconds=20)
"""That somebody is there is written no more often."""

_FAULTS: Mapping[FormFault, int] = {
    FormFault.TOO_LARGE: 413,
    FormFault.WRONG_KIND: 415,
    FormFault.FOREIGN: 403,
    FormFault.CUT_SHORT: 408,
}


class StaffApplication:
    """Answers the requests of the staff site's listener."""

    def __init__(self, site: StaffSite, table: Table | None = None) -> None:
        self.site = site
        self._table = table or Table(ROUTES)
        self._hosts = frozenset({site.settings.host_name})

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Never raises for anything a browser or a neighbour does."""
        target = own_target(request, self._hosts)
        if target is None:
            return answers.plain("This is not that host.\n", status=421)
        path = target[1]
        if path == "/healthz":
            return answers.plain("ok\n")
        if (asset := self.site.pages.assets.answer(path)) is not None:
            return asset
        response = await self._page(request, path)
        if self.site.settings.encrypted:
            answers.add_hsts(response)
        return response

    def broken(self, request: web.BaseRequest) -> web.Response:
        """Answer after a fault of our own (the request boundary calls this)."""
        return self.site.render("message", self._visit(request, "/"), 500, key="broken")

    async def _page(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        visit = self._visit(request, path)
        route = self._table.find(request.method, path)
        try:
            async with asyncio.timeout(self._patience_s(route)):
                response = await self._judged(await self._recognised(visit), route)
        except (DatabaseUnavailableError, KeyRingError, TimeoutError) as error:
            _LOG.warning("page_not_answered", extra={"reason": type(error).__name__})
            response = self.site.render("message", visit, 503, key="away")
        if visit.new_browser is not None:
            cookies.set_browser(response, visit.new_browser)
        return response

    def _patience_s(self, route: Route | None) -> float | None:
        """Return how long an answer may take; None: as long as it likes."""
        if route is not None and route.live:
            return None
        own = None if route is None else route.patience_s
        return self.site.settings.answer_timeout_s if own is None else own

    async def _judged(self, visit: Visit, route: Route | None) -> web.StreamResponse:
        if route is None:
            return self._nowhere(visit)
        if visit.request.method == "POST":
            read = await self._read(visit)
            if isinstance(read, web.Response):
                return read
            visit = read
        refusal = await self._refusal(visit, route)
        if refusal is None:
            refusal = await self._noticed(visit, route)
        return await route.handler(self.site, visit) if refusal is None else refusal

    async def _refusal(self, visit: Visit, route: Route) -> web.StreamResponse | None:
        """Judge who asks; None: the handler may answer."""
        session = visit.session
        match route.access:
            case Anyone():
                return None
            case _ if session is None:
                return ask_to_sign_in(self.site, visit)
            case SignedIn():
                return None
            case InStage(stage):
                return None if session.stage is stage else self._next(session.stage)
            case Staff() as access:
                return await self._staff_refusal(visit, route, access)

    async def _staff_refusal(
        self, visit: Visit, route: Route, access: Staff
    ) -> web.StreamResponse | None:
        if visit.me.stage is not Stage.OPEN:
            return ask_to_sign_in(self.site, visit)
        if self._is_locked(visit):
            return self._locked(visit, route)
        is_there = visit.site is not None or not access.at_site
        if visit.me.account.has_one_of(access.roles) and is_there:
            return None
        return await refuse(self.site, visit)

    async def _noticed(self, visit: Visit, route: Route) -> web.StreamResponse | None:
        """Check the form, and note that somebody is there."""
        if visit.request.method == "POST" and not self.site.token_holds(visit):
            return self.site.render("message", visit, 403, key="stale")
        session, by_itself = visit.session, route.live or _comes_by_itself(visit)
        if session is None or by_itself or not isinstance(route.access, Staff):
            return None
        # The warning's button asks for exactly this; every other page may be a little late.
        if visit.now - session.last_used_at >= TOUCH_AFTER or visit.path == "/stay":
            await self.site.sign_in.doors.sessions.touch(session.id, visit.now)
        return None

    async def _read(self, visit: Visit) -> Visit | web.Response:
        fields = await read_form(visit.request, self._hosts)
        if not isinstance(fields, FormFault):
            return replace(visit, fields=fields)
        response = self.site.render("message", visit, _FAULTS[fields], key="unread")
        response.force_close()
        return response

    async def _recognised(self, visit: Visit) -> Visit:
        token = cookies.session_of(visit.request)
        if not token:
            return visit
        binding = token_hash(token)
        session = await self.site.sign_in.doors.sessions.find(binding)
        if session is None:
            return visit
        standing = session.standing(self.site.sign_in.doors.times, visit.now)
        if standing is Standing.OVER:
            return visit
        site = self.site.site(session.site_id)
        here = site if site is not None and session.account.works_at(site.id) else None
        return replace(visit, session=session, binding=binding, site=here)

    def _is_locked(self, visit: Visit) -> bool:
        times = self.site.sign_in.doors.times
        return visit.me.standing(times, visit.now) is Standing.LOCKED

    def _locked(self, visit: Visit, route: Route) -> web.StreamResponse:
        if route.live:
            return answers.plain("locked\n", status=423)
        if visit.request.method == "POST" and not self.site.token_holds(visit):
            return self.site.render("message", visit, 403, key="stale", locked=True)
        return show_locked(self.site, visit)

    def _next(self, stage: Stage) -> web.Response:
        """Lead to where the way in goes on."""
        ways = {Stage.CODE: "/code", Stage.ENROLLING: "/first/password", Stage.OPEN: "/"}
        return self.site.go(ways[stage])

    def _nowhere(self, visit: Visit) -> web.Response:
        if visit.request.method not in {"GET", "HEAD", "POST"}:
            response = answers.plain("Method not allowed\n", status=405)
            response.headers["Allow"] = "GET, HEAD, POST"
            return response
        return self.site.render("message", visit, 404, key="missing")

    def _visit(self, request: web.BaseRequest, path: str) -> Visit:
        language = self._language(request)
        label = label_of(request.headers.get("User-Agent", ""))
        asker = Asker(asker_address(request, self.site.settings.proxies), label)
        known = request.cookies.get(cookies.BROWSER)
        fresh = None if known else cookies.new_browser()
        binding = token_hash(known or fresh or "")
        now = self.site.clock()
        return Visit(request, path, language, now, asker, binding, new_browser=fresh)

    def _language(self, request: web.BaseRequest) -> Language:
        return choose_language(
            self.site.pages.languages,
            request.cookies.get(cookies.LANGUAGE),
            request.headers.get("Accept-Language", ""),
            self.site.settings.default_language,
        )


def _comes_by_itself(visit: Visit) -> bool:
    """Say whether nobody pressed anything: a script looks again, or a page's own Refresh."""
    return LOOKS_AGAIN in visit.request.headers or BY_ITSELF in visit.request.query
