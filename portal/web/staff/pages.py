"""Renders the staff pages: templates and texts, read once at start.

Not a place for decisions: what a page shows is decided by the handlers, how it looks by the
templates. The rule to keep: autoescape on, no default for a missing value.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain.staff_session import WARN_BEFORE, SessionTimes
from portal.services.notices import Noticeboard
from portal.web import moments
from portal.web.device_help import DEVICE_HELP
from portal.web.staff import answers
from portal.web.staff.assets import Assets
from portal.web.staff.navigation import Entry, entries_for
from portal.web.staff.paths import wanted
from portal.web.staff.settings import StaffSettings
from portal.web.staff.visit import Visit
from portal.web.templating import Linked, find_templates, make_environment
from portal.web.texts import load_languages

TEXTS = Path(__file__).parent / "texts"
MORE_TEXTS = (TEXTS / "overview", TEXTS / "people", TEXTS / "notices", TEXTS / "month", DEVICE_HELP)

Banners = Callable[[], Sequence[str]]
"""Returns the keys of the texts that every page shows now, such as "banner.internet"."""


class Pages:
    """Every page of the staff site."""

    def __init__(
        self,
        settings: StaffSettings,
        times: SessionTimes,
        notices: Noticeboard,
        banners: Banners = tuple,
    ) -> None:
        self.languages = load_languages(TEXTS, *MORE_TEXTS)
        folder = settings.templates or find_templates()
        self.assets = Assets.read(folder)
        self.settings = settings
        self._times = times
        self._banners = banners
        self.notices = notices
        self._environment = make_environment(folder / "staff")

    def _said(self, visit: Visit) -> Sequence[tuple[str, str]]:
        """Return the messages for who is signed in, at the library they work at, or at all."""
        if visit.session is None or not visit.is_signed_in:
            return ()
        here = visit.session.site_id
        places = [here] if here else visit.session.account.sites_among(self.settings.sites)
        return [one.words(visit.language.tag) for one in self.notices.shown(places, visit.now)]

    def internet_is_down(self) -> bool:
        """Say whether every page says so now."""
        return "banner.internet" in self._banners()

    def render(
        self, name: str, visit: Visit, values: Mapping[str, object], *, status: int = 200
    ) -> web.Response:
        """Render a template with what every page has, and this page's own values."""
        context = {**self._shared(visit), **values}
        body = self._environment.get_template(f"{name}.html").render(context)
        return answers.html(body, language=visit.language.tag, status=status)

    def clock(self, visit: Visit, moment: datetime) -> str:
        """Return a moment as people read it: a clock time, with its day if not today."""
        zone = ZoneInfo(self.settings.time_zone)
        return moments.day_and_time(moment, visit.now, zone, visit.language)

    def clock_rounded_up(self, visit: Visit, moment: datetime) -> str:
        """Return the first whole minute at or after a moment: when something may be tried again."""
        zone = ZoneInfo(self.settings.time_zone)
        return moments.clock_rounded_up(moment, visit.now, zone, visit.language)

    def last_day(self, visit: Visit, end: datetime) -> str:
        """Return the last whole day before a midnight: "25 november 2026"."""
        local = (end - timedelta(seconds=1)).astimezone(ZoneInfo(self.settings.time_zone))
        return moments.calendar_day(local.date(), visit.language)

    def _account_ends(self, visit: Visit) -> str | None:
        """Return the last day of the account, where its owner should be told already."""
        if visit.session is None or not visit.is_signed_in:
            return None
        end = visit.session.account.ends_soon(visit.now)
        return None if end is None else self.last_day(visit, end)

    def _shared(self, visit: Visit) -> Mapping[str, object]:
        language = visit.language
        navigation: tuple[Entry, ...] = ()
        if visit.session is not None and visit.is_signed_in:
            navigation = entries_for(visit.session.account)
        return {
            "t": language.text,
            "linked": Linked(language),
            "counted": lambda key, count: moments.counted(language, key, count),
            "clock": lambda moment: self.clock(visit, moment),
            "language": language,
            "languages": self.languages,
            "visit": visit,
            "session": visit.session,
            "site": visit.site,
            "organisation": self.settings.organisation,
            "assets": self.assets.paths,
            "navigation": navigation,
            "banners": self._banners(),
            "account_ends": self._account_ends(visit),
            "notices": self._said(visit),
            "lock_after_s": int(self._times.idle_lock.total_seconds()),
            "warn_before_s": int(WARN_BEFORE.total_seconds()),
            "locked": False,
            "back": wanted(visit.address) if visit.request.method in {"GET", "HEAD"} else "/",
            "error": None,
            "said": None,
        }
