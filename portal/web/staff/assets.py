"""The style sheet, the script and the icon, under names that tell their content.

The rule to keep: read once at start; a new release has new names, so browsers may keep the old.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from portal.web.staff import answers

_KINDS = {
    "staff/staff.css": "text/css",
    "staff/staff.js": "text/javascript",
    "staff/live.js": "text/javascript",
    "staff/kvar.svg": "image/svg+xml",
    "slips/print.js": "text/javascript",
    "slips/day.js": "text/javascript",
}
"""By where they stand among the templates."""


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """``paths``: where each file is, by its own name."""

    paths: Mapping[str, str]
    _files: Mapping[str, _Asset] = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> "Assets":
        """Read them; ``folder`` holds all templates."""
        files, paths = {}, {}
        for place, content_type in _KINDS.items():
            body, name = (folder / place).read_bytes(), place.rpartition("/")[2]
            stem, _, ending = name.rpartition(".")
            paths[name] = f"/static/{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
            files[paths[name]] = _Asset(body, content_type)
        return cls(paths, files)

    def answer(self, path: str) -> web.Response | None:
        """Return the file at this path."""
        found = self._files.get(path)
        return answers.asset(found.body, found.content_type) if found else None
