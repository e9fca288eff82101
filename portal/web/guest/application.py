"""The guest site as one function from request to answer.

Not a web framework: the routes are tables of exact paths, and nothing is guessed from a path (no
normalising, no multipart, no compressed bodies, no proxy headers).
The rule to keep: under a foreign name every request gets the captive redirect, whatever ails the
neighbours, but for the probe of a device that comes back; under our own name a GET never changes
anything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from enum import Enum

from aiohttp import web

from portal.services.ports import Clock, DatabaseUnavailableError, GateUnavailableError
from portal.services.ports.access_points import AccessPoints, AccessPointUnavailableError
from portal.web.guest import (
    answers,
    arrival,
    captive_api,
    codes,
    day,
    devices,
    gateway,
    information,
    mount,
    rating,
    report,
    scan,
    sign_in,
    stay,
    wait,
    way_in,
)
from portal.web.guest.budget import ARRIVALS, FORMS, QUESTIONS, Budget
from portal.web.guest.captive import CaptiveAnswer
from portal.web.guest.door import GuestDoor
from portal.web.guest.front import front
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.pages import Pages
from portal.web.guest.settings import GuestSettings
from portal.web.guest.surroundings import Surroundings
from portal.web.guest.visit import BACK_PREFIX, MOUNT_PATH, Here, Visit
from portal.web.target import own_target, peer_address, target_path
from portal.web.texts import choose_language

_LOG = logging.getLogger("portal.web.guest")

_Handler = Callable[[GuestSite, Visit, Here], Awaitable[web.Response]]
_Reading = Callable[[GuestSite, Visit], web.Response]

READING: Mapping[str, _Reading] = {
    "/help": information.help_page,
    "/rules": information.rules_page,
    "/privacy": information.privacy_page,
    "/accessibility": information.accessibility_page,
}
"""Pages that need neither gate nor database."""

GET: Mapping[str, _Handler] = {
    **dict.fromkeys(
        (
            *("/", "/card", "/connect", "/continue", "/day"),
            *("/status", "/extend", "/logout", "/forget", rating.PATH),
        ),
        front,
    ),
    "/code": codes.code_page,
    "/devices": devices.devices,
    report.PATH: report.report_page,
    wait.PATH: wait.wait_page,
    wait.STILL: wait.wait_page,
    way_in.FAILED: way_in.failed_page,
}
"""The addresses of the forms lead to the front page: a reload after an error must not fail."""

POST: Mapping[str, _Handler] = {
    "/card": sign_in.with_card,
    "/code": codes.with_code,
    "/connect": sign_in.accept,
    "/day": day.let_in,
    "/continue": sign_in.continue_visit,
    "/devices": devices.forget_listed,
    "/forget": devices.forget_here,
    "/extend": stay.extend,
    "/logout": stay.sign_out,
    rating.PATH: rating.rate,
    report.PATH: report.report,
}


def _getter(path: str) -> _Handler | None:
    if day.is_day(path):
        return day.day_page
    return scan.scan_page if scan.is_scan(path) else GET.get(path)


def _is_scanned(path: str) -> bool:
    """Say whether a QR code led here."""
    return scan.is_scan(path) or day.is_day(path)


def _poster(path: str) -> _Handler | None:
    return scan.with_token if scan.is_scan(path) else POST.get(path)


_BROKEN = (GateUnavailableError, DatabaseUnavailableError, AccessPointUnavailableError)
_READS = frozenset({"GET", "HEAD"})


class Listener(Enum):
    """Which socket a request came in on."""

    PLAIN = "http"
    TLS = "https"


class GuestApplication:
    """Answers the requests of both listeners."""

    def __init__(
        self,
        settings: GuestSettings,
        guest: GuestDoor,
        clock: Clock,
        around: Surroundings | None = None,
        access_points: AccessPoints | None = None,
    ) -> None:
        around = around or Surroundings()
        pages = Pages(settings, around)
        own_hosts = (settings.portal_host, *settings.plain_names, *settings.secure_plain_names)
        hosts = frozenset(host.lower() for host in own_hosts)
        self.site = GuestSite(
            settings, guest, pages, hosts, access_points, around.faults, rate=around.rate
        )
        self.captive = CaptiveAnswer(settings.portal_origin)
        self._short_names = frozenset(name.lower() for name in settings.plain_names)
        self._forms = Budget(FORMS)
        self._arrivals = Budget(ARRIVALS)
        self._questions = Budget(QUESTIONS)
        self._clock = clock

    async def answer(self, request: web.BaseRequest, listener: Listener) -> web.Response:
        """Answer one request. Never raises for anything a guest or a neighbour does."""
        target = own_target(request, self.site.own_hosts)
        safe = listener is Listener.TLS
        if (arrived := await self._arrived(request, target, encrypted=safe)) is not None:
            return arrived
        if target is None:
            return await self._under_foreign_name(request)
        host, path = target
        if path == "/healthz":
            return answers.plain("ok\n")
        if host in self._short_names and request.method in _READS:
            return self._under_own_name(self._visit(request, path, encrypted=False))
        safe = safe or host in self.site.settings.secure_plain_names
        if path.startswith(BACK_PREFIX) and request.method in _READS:
            visit = self._visit(request, MOUNT_PATH, encrypted=safe)
            return arrival.come_back(self.site, visit, path.removeprefix(BACK_PREFIX))
        visit = self._visit(request, path, encrypted=safe)
        return wait.looking_again(visit.path, await self._in_time(visit, self._page(visit)))

    async def _arrived(
        self, request: web.BaseRequest, target: tuple[str, str] | None, *, encrypted: bool
    ) -> web.Response | None:
        """Receive a visitor whom an access point sent; None: nobody of that kind."""
        points, (host, path) = self.site.access_points, target or ("", target_path(request))
        if points is None or not (request.method in _READS or gateway.asks(request)):
            return None
        client = arrival.client_of(path, points, is_ours=target is not None)
        if client is None:
            return None
        safe = encrypted or host in self.site.settings.secure_plain_names
        visit = self._visit(request, "/", encrypted=safe)
        if gateway.asks(request):
            if not self._questions.allows((client, visit.browser.address), visit.now):
                return answers.too_many()
            return await self._in_time(visit, gateway.answer(self.site, visit, points, client))
        if not self._arrivals.allows(visit.browser.address, visit.now):
            return answers.too_many()
        return await self._in_time(visit, arrival.arrive(self.site, visit, points, client))

    async def _in_time(self, visit: Visit, answer: Awaitable[web.Response]) -> web.Response:
        try:
            async with asyncio.timeout(self.site.settings.answer_timeout_s):
                return await answer
        except (*_BROKEN, TimeoutError) as error:
            _LOG.warning("page_not_answered", extra={"reason": type(error).__name__})
            return self._service_page(visit, status=503)

    async def _under_foreign_name(self, request: web.BaseRequest) -> web.Response:
        """Redirect; but hang up on the probe of a device that comes back, and open the gate to it.

        No answer of ours makes a phone say "online" without a lie, and a redirect makes it say
        "sign in". A connection that breaks is neither: it asks again within seconds (Android 1 to
        3 s, Windows, Firefox) or takes itself to be online (Apple). Hung up first: the gate ends
        captured connections when it opens, and the phone would wait for its own time-out.
        A page that somebody opens (only browsers send that header) is redirected: it leads to the
        status page, and the gate is opened there.
        """
        answer = self.captive(request.method)
        if request.method not in _READS or "Upgrade-Insecure-Requests" in request.headers:
            return answer
        ip = peer_address(request)
        found = await self.site.guest.recognise(ip)
        if found is not None:
            if request.transport is not None:
                request.transport.abort()
            await self.site.guest.welcome(ip, found)
        return answer

    def _under_own_name(self, visit: Visit) -> web.Response:
        """Lead from a short name to the portal's own, on plain HTTP still.

        A form posted under a name that resolves elsewhere would travel on a captured connection,
        and the gate ends those when it opens: the guest would never see the answer.
        """
        is_page = visit.path in {*READING, MOUNT_PATH} or _getter(visit.path) is not None
        path = visit.path if is_page else "/"
        return answers.redirect(self.site.settings.plain_origin + visit.location(path))

    def broken(self, request: web.BaseRequest) -> web.Response:
        """Answer after a fault of our own (the request boundary calls this)."""
        return self._service_page(self._visit(request, "/", encrypted=False), status=500)

    def _service_page(self, visit: Visit, *, status: int) -> web.Response:
        return self.site.pages.render("message", visit, {"key": "service"}, status=status)

    async def _page(self, visit: Visit) -> web.Response:
        if visit.path == MOUNT_PATH:
            return mount.lost_page(self.site, visit)
        match visit.request.method:
            case method if method in _READS:
                return await self._get(visit)
            case "POST":
                return await self._post(visit)
        return _wrong_method()

    async def _get(self, visit: Visit) -> web.Response:
        if visit.path == captive_api.PATH and visit.mount is None:
            return await captive_api.captive_api(self.site, await self._identify(visit))
        if (reading := READING.get(visit.path)) is not None:
            return reading(self.site, await self._identify_if_possible(visit))
        if (handler := _getter(visit.path)) is not None:
            return await self._at_site(visit, handler)
        return self.site.pages.render("message", visit, {"key": "missing"}, status=404)

    async def _post(self, visit: Visit) -> web.Response:
        if (handler := _poster(visit.path)) is None:
            return _wrong_method()
        known = await self._identify(visit)
        if known.here and not self._forms.allows(known.here.device.mac, known.now):
            return answers.too_many()
        return await self._at_known_site(known, handler)

    async def _at_site(self, visit: Visit, handler: _Handler) -> web.Response:
        return await self._at_known_site(await self._identify(visit), handler)

    async def _at_known_site(self, known: Visit, handler: _Handler) -> web.Response:
        if known.here is None:
            return self.site.pages.render("outside", known, {"scanned": _is_scanned(known.path)})
        led_away = await mount.kept_out(self.site, known, known.here)
        return led_away or await handler(self.site, known, known.here)

    async def _identify(self, visit: Visit) -> Visit:
        if visit.mount is not None:
            return mount.device_there(self.site, visit, visit.mount)
        device = await self.site.guest.identify(peer_address(visit.request))
        if device is None:
            return visit
        return replace(visit, here=Here(device, self.site.guest.site(device.site_id)))

    async def _identify_if_possible(self, visit: Visit) -> Visit:
        try:
            return await self._identify(visit)
        except GateUnavailableError:
            return visit

    def _visit(self, request: web.BaseRequest, path: str, *, encrypted: bool) -> Visit:
        asked = request.query.get("lang")
        language = choose_language(
            self.site.pages.languages,
            asked,
            request.headers.get("Accept-Language", ""),
            self.site.settings.default_language,
        )
        chosen = asked if asked == language.tag else None
        token = mount.token_of(path)
        page = path if token is None else mount.page_under(path, token)
        known = day.clean_path(scan.clean_path(page) if scan.is_scan(page) else page)
        visit = Visit(request, known, language, chosen, encrypted, self._clock())
        return visit if token is None else mount.mounted(visit, self.site.access_points, token)


def _wrong_method() -> web.Response:
    response = answers.plain("Method not allowed\n", status=405)
    response.headers["Allow"] = "GET, HEAD, POST"
    return response
