"""The lock: a screen that nobody looked at for a while wants the password, and loses nothing.

A form that was sent too late is kept in the locked page itself, without its secrets, and sent again
after the password. The rule to keep: what is locked shows nothing and does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from portal.domain.identity import Secret
from portal.services.staff.attempts import MustWait
from portal.services.staff.sign_in import SignInRefusal
from portal.web.staff import answers
from portal.web.staff.errors import FieldError, explain
from portal.web.staff.paths import wanted
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_KEPT = "kept."
_SECRETS = frozenset(
    {
        "token",
        "password",
        "again",
        "old",
        "new",
        "code",
        "find",
        "typed",
        "private_key",
        "passphrase",
    }
)
"""Fields that are never given back to a browser: proofs, and what may be a visitor's."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What goes on after the password: a page, or a form that is sent there again."""

    to: str
    fields: Mapping[str, str] = field(repr=False)


def show_locked(site: StaffSite, visit: Visit) -> web.Response:
    """Show the lock in place of a page, with the form that was sent to it."""
    kept = {name: text for name, text in visit.fields.items() if name not in _SECRETS}
    return _locked(site, visit, _Waiting(wanted(visit.address), kept))


async def unlock(site: StaffSite, visit: Visit) -> web.Response:
    """Take the password; then lead back, or send the kept form again."""
    password = Secret(visit.fields.get("password", ""))
    done = await site.sign_in.unlock(visit.me, password, visit.asker, visit.now)
    waiting = _waiting(visit.fields)
    if done is True:
        return _back(site, visit, waiting)
    refusal = done if isinstance(done, MustWait) else SignInRefusal.PASSWORD_WRONG
    error, status = explain(refusal, "password", site.pages, visit)
    if _asked_by_script(visit):
        return answers.plain(error.text, status=status)
    return _locked(site, visit, waiting, error, status)


async def lock(site: StaffSite, visit: Visit) -> web.Response:
    """Lock at once."""
    await site.sign_in.doors.sessions.lock(visit.me.id)
    return site.go(wanted(visit.fields.get("to", "")))


async def stay(site: StaffSite, visit: Visit) -> web.Response:
    """Note that somebody is there; the application did, as at every page that is not live."""
    return answers.nothing() if _asked_by_script(visit) else site.go("/")


async def left(site: StaffSite, visit: Visit) -> web.Response:
    """Say in how many seconds the visit locks, for a script in another tab."""
    idle = visit.now - visit.me.last_used_at
    seconds = (site.sign_in.doors.times.idle_lock - idle).total_seconds()
    return answers.plain(str(max(0, int(seconds))))


def _back(site: StaffSite, visit: Visit, waiting: _Waiting) -> web.Response:
    if _asked_by_script(visit):
        return answers.nothing()
    if not waiting.fields:
        return site.go(waiting.to)
    return site.render("resend", visit, to=waiting.to, kept=waiting.fields)


def _locked(
    site: StaffSite,
    visit: Visit,
    waiting: _Waiting,
    error: FieldError | None = None,
    status: int = 423,
) -> web.Response:
    named = {_KEPT + name: text for name, text in waiting.fields.items()}
    values = {"to": waiting.to, "kept": named, "error": error, "locked": True}
    return site.render("locked", visit, status, **values)


def _waiting(fields: Mapping[str, str]) -> _Waiting:
    kept = {
        name.removeprefix(_KEPT): text for name, text in fields.items() if name.startswith(_KEPT)
    }
    return _Waiting(wanted(fields.get("to", "")), kept)


def _asked_by_script(visit: Visit) -> bool:
    return "text/plain" in visit.request.headers.get("Accept", "")
