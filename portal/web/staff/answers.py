"""Answers of the staff site: what every one of them carries, whatever the page.

Not the pages themselves (pages.py renders them). The rule to keep: no inline script, no inline
style, nothing from elsewhere, and nothing that is stored but the style sheet, script and icon.
"""

from aiohttp import web

from portal.web.headers import SECURITY_HEADERS

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HSTS = "max-age=31536000"
"""This name is for staff alone: no guest's plain page can stand under it."""

_FOR_EVER = "public, max-age=31536000, immutable"


def html(body: str, *, language: str, status: int = 200, policy: str | None = None) -> web.Response:
    """Answer with a page; ``policy`` in place of the site's own, for paper and screens."""
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
    if policy is not None:
        headers["Content-Security-Policy"] = policy
    return _text(body, "text/html", status, headers)


def download(body: bytes, content_type: str, name: str) -> web.Response:
    """Hand over a file; ``name`` is ours, plain ASCII."""
    return web.Response(body=body, headers=download_headers(content_type, name))


def download_headers(content_type: str, name: str) -> dict[str, str]:
    """Return the headers of a file that is handed over; ``name`` is ours, plain ASCII."""
    return {
        **SECURITY_HEADERS,
        "Content-Security-Policy": POLICY,
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def redirect(location: str) -> web.Response:
    """Send the browser on: whatever came, a GET follows. ``location``: a path of our own."""
    return _text("", "text/html", 303, {"Location": location})


def plain(text: str, *, status: int = 200) -> web.Response:
    """Answer with a line of text, for the script or a machine."""
    return _text(text, "text/plain", status, {})


def nothing() -> web.Response:
    """Answer that it was done, for the script."""
    return web.Response(status=204, headers={**SECURITY_HEADERS})


def asset(body: bytes, content_type: str) -> web.Response:
    """Answer with a file whose name tells its content, so that it never changes."""
    headers = {**SECURITY_HEADERS, "Cache-Control": _FOR_EVER, "Content-Security-Policy": POLICY}
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)


def stream_headers(content_type: str) -> dict[str, str]:
    """Return the headers of an answer that goes on (server-sent events)."""
    return {**SECURITY_HEADERS, "Content-Security-Policy": POLICY, "Content-Type": content_type}


def add_hsts(response: web.StreamResponse) -> None:
    """Have browsers come over TLS only from now on; where they do already."""
    response.headers["Strict-Transport-Security"] = _HSTS


def _text(body: str, content_type: str, status: int, more: dict[str, str]) -> web.Response:
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": POLICY, **more}
    return web.Response(
        text=body, content_type=content_type, charset="utf-8", status=status, headers=headers
    )
