"""PURE: what a portal relay changes in headers and bodies, in both directions.

The portal must believe that it is visited under its own origin, the browser that it stays on
localhost.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 9110, 7.6.1, and what the relay's own client sets.
NOT_PASSED_ON = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "accept-encoding",  # bodies must come readable
    }
)
# The browser is on plain HTTP: these would send it where the relay does not listen.
NOT_PASSED_BACK = NOT_PASSED_ON | {"strict-transport-security", "content-encoding", "alt-svc"}
ABOUT_ORIGINS = frozenset({"origin", "referer"})
UPGRADE = re.compile(r"\s*upgrade-insecure-requests\s*;?")
TEXT_KINDS = ("text/", "application/json", "application/captive+json", "application/javascript")


def to_portal(
    headers: Iterable[tuple[str, str]], visitor: str, portal: str
) -> list[tuple[str, str]]:
    """The browser's headers as the portal should see them; origins without a closing slash."""
    passed = []
    for name, value in headers:
        if name.lower() in NOT_PASSED_ON:
            continue
        about_origin = name.lower() in ABOUT_ORIGINS
        passed.append((name, value.replace(visitor, portal) if about_origin else value))
    return passed


def to_visitor(
    headers: Iterable[tuple[str, str]], visitor: str, portal: str
) -> list[tuple[str, str]]:
    """The portal's headers as the browser should see them."""
    passed = []
    for name, value in headers:
        if name.lower() in NOT_PASSED_BACK:
            continue
        changed = localised(value, visitor, portal)
        if name.lower() == "content-security-policy":
            changed = UPGRADE.sub(" ", changed).strip()
        passed.append((name, changed))
    return passed


def body_to_visitor(body: bytes, kind: str, visitor: str, portal: str) -> bytes:
    """Text with the portal's origins replaced; anything else as it is."""
    if not kind.startswith(TEXT_KINDS):
        return body
    return localised(body.decode("utf-8", "surrogateescape"), visitor, portal).encode(
        "utf-8", "surrogateescape"
    )


def localised(text: str, visitor: str, portal: str) -> str:
    """Both origins of the portal's host, secure and not, become the visitor's."""
    host = re.escape(urllib.parse.urlsplit(portal).netloc)
    return re.sub(rf"https?://{host}(?![\w.-])(:\d+)?", lambda _: visitor, text)
