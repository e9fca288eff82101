"""PURE: the shape of our own addresses, for where somebody wanted to go before signing in.

The rule to keep: nothing that a browser could take for another site (RFC 3986 section 4.2) passes.
"""

import re

_VALUE = r"([\w.-]|%3A)*"  # a clock time has a colon
_OWN = re.compile(rf"(/|(/[a-z0-9-]+)+)(\?[a-z_]+={_VALUE}(&[a-z_]+={_VALUE})*)?", re.ASCII)


def wanted(path: str) -> str:
    """Return the path if it has the shape of ours, else that of the front page."""
    return path if _OWN.fullmatch(path) else "/"
