"""One request to the guest site: who asks, in which language, at which library, and when.

Not a session and not kept: it lives as long as the request.
"""

from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from portal.domain.identity import Device
from portal.domain.returning import label_of
from portal.domain.site import Site
from portal.web.texts import Language

_PAGES = frozenset(
    {
        *("/", "/code", "/status", "/devices", "/wait", "/wait/still"),
        *("/help", "/rules", "/privacy", "/accessibility"),
    }
)


@dataclass(frozen=True, slots=True)
class Here:
    """The device that asks, and the library whose network it is on."""

    device: Device
    library: Site


@dataclass(frozen=True, slots=True)
class Visit:
    """``here`` is None where the address is on none of the guest networks, or not asked for."""

    request: web.BaseRequest = field(repr=False)
    path: str = field(repr=False)
    """It may hold a slip's token, or a code of the day."""
    language: Language
    asked_language: str | None
    """The language chosen by a link: carried on in every further link and form."""
    encrypted: bool
    """Whether nobody on the radio network can read what is typed on the page."""
    now: datetime
    here: "Here | None" = None

    @property
    def kind(self) -> str:
        """What the desk calls the device: "iPhone", or "" where its browser says nothing."""
        return label_of(self.request.headers.get("User-Agent", ""))

    def link(self, path: str) -> str:
        """Return a path of our own that keeps the chosen language."""
        return path if self.asked_language is None else f"{path}?lang={self.asked_language}"

    def path_here(self) -> str:
        """Return the address of this page for a link to itself in another language.

        A form's own address answers a GET with the front page, so that is named instead.
        """
        return self.path if self.path in _PAGES or self.path.startswith(("/v/", "/day/")) else "/"
