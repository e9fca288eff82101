"""PURE: the shape of our own addresses, for where somebody wanted to go before signing in.

The rule to keep: nothing that a browser could take for another site (RFC 3986 section 4.2) passes.
"""

import re

_OWN = re.compile(r"(/|(/[a-z0-9-]+)+)(\?[a-z_]+=[\w.-]*(&[a-z_]+=[\w.-]*)*)?", re.ASCII)


def wanted(path: str) -> str:
    """Return the path if it has the shape of ours, else that of the front page."""
    return path if _OWN.fullmatch(path) else "/"
