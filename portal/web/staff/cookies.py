"""The staff site's cookies: the visit, what binds its forms, and choices made on the machine.

The rule to keep: the ``__Host-`` prefix (no other host and no plain HTTP can set one), HttpOnly,
and nothing in them but random bytes or a choice of ours.
"""

import secrets

from aiohttp import web

from portal.domain.identity import Secret

SESSION = "__Host-kvar-staff"
BROWSER = "__Host-kvar-browser"
LANGUAGE = "__Host-kvar-language"
PAPER = "__Host-kvar-paper"
SCREEN = "__Host-kvar-screen"

_YEAR_S = 365 * 24 * 3600


def session_of(request: web.BaseRequest) -> str:
    """Return the token that the browser sent, empty for none."""
    return request.cookies.get(SESSION, "")


def set_session(response: web.StreamResponse, token: Secret) -> None:
    """Give the browser the token of a visit. Lax: links from the organisation's own pages work."""
    _set(response, SESSION, token.reveal())


def end_session(response: web.StreamResponse) -> None:
    """Have the browser forget the visit."""
    _set(response, SESSION, "", max_age=0)


def new_browser() -> str:
    """Return what the forms of a browser that is not signed in are bound to."""
    return secrets.token_urlsafe(32)


def set_browser(response: web.StreamResponse, value: str) -> None:
    """Give it to the browser."""
    _set(response, BROWSER, value)


def set_language(response: web.StreamResponse, tag: str) -> None:
    """Remember the language, on this machine for everybody."""
    _set(response, LANGUAGE, tag, max_age=_YEAR_S)


def set_screen(response: web.StreamResponse, word: str) -> None:
    """Make this browser a site's screen, until its cookies are removed."""
    _set(response, SCREEN, word, max_age=_YEAR_S)


def set_paper(response: web.StreamResponse, kept: str) -> None:
    """Remember on what is printed on this machine."""
    _set(response, PAPER, kept, max_age=_YEAR_S)


def _set(
    response: web.StreamResponse, name: str, value: str, *, max_age: int | None = None
) -> None:
    response.set_cookie(
        name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax"
    )
