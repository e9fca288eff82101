"""The headers that every answer of every site carries, whatever the page."""

from collections.abc import Mapping

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # for engines older than frame-ancestors
    "Server": "Kvar",
}
