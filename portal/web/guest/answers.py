"""Answers of the guest site: what every one of them carries, whatever the page.

Not the pages themselves (pages.py renders them). The rule to keep: no answer leaves without these
headers, and none may be stored: a stored login page is shown at home, and hides the way in.
"""

import base64
import hashlib
from collections.abc import Sequence

from aiohttp import web

from portal.web.headers import SECURITY_HEADERS

# No HSTS, on purpose, on either listener. It would speak for the name as a whole: a device that
# once saw it could no longer open the plain-HTTP address on the poster, and on the day the
# certificate expires (a failed renewal) it would forbid the visitor the way past the warning and
# to the plain help page (RFC 6797 sections 8.3 and 12.1). What HSTS protects, cookies and links
# to plain pages, this site does not have: it sets no cookie, and card and PIN are asked for only
# on the encrypted page.
_POLICY = "default-src 'none'; base-uri 'none'; form-action {}; frame-ancestors 'none'"
_BASE_POLICY = _POLICY.format("'self'")


def content_policy(css: str, form_targets: Sequence[str] = ()) -> str:
    """Return a Content-Security-Policy that allows exactly this inline style sheet.

    And forms to ourselves and to these sources.

    ``unsafe-inline`` is ignored by every browser that knows hashes (CSP level 2); those that do
    not (iOS 9 and older) would otherwise show the page without any style.
    """
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = _POLICY.format(" ".join(("'self'", *form_targets)))
    return f"{policy}; style-src 'sha256-{digest}' 'unsafe-inline'"


def html(body: str, *, policy: str, language: str, status: int = 200) -> web.Response:
    """Answer with a page."""
    headers = {
        **SECURITY_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return web.Response(
        text=body, content_type="text/html", charset="utf-8", status=status, headers=headers
    )


def redirect(
    location: str, *, status: int = 303, body: str = "", close: bool = False
) -> web.Response:
    """Answer with a redirect. 303 by default: whatever came, a GET follows (RFC 9110 15.4.4)."""
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": _BASE_POLICY, "Location": location}
    response = web.Response(
        text=body, content_type="text/html", charset="utf-8", status=status, headers=headers
    )
    if close:
        response.force_close()
        response.headers["Connection"] = "close"  # said in HTTP/1.0 too, where it is understood
    return response


def plain(text: str, *, status: int = 200) -> web.Response:
    """Answer with a line of text."""
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": _BASE_POLICY}
    return web.Response(
        text=text, content_type="text/plain", charset="utf-8", status=status, headers=headers
    )


def too_many() -> web.Response:
    """Refuse and close: the gate limits how many connections a device opens a second."""
    response = plain("Too many requests. Wait a minute.\n", status=429)
    response.headers["Retry-After"] = "60"
    response.force_close()
    return response


def json_text(text: str, *, content_type: str) -> web.Response:
    """Answer with JSON in ASCII; its media types know no charset (RFC 8259 section 11)."""
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": _BASE_POLICY}
    return web.Response(body=text.encode("ascii"), content_type=content_type, headers=headers)
