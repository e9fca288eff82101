"""One request to the guest site: who asks, in which language, at which library, and when.

Not a session and not kept: it lives as long as the request.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from aiohttp import web

from portal.domain.identity import Device
from portal.domain.passage import Passage
from portal.domain.returning import label_of
from portal.domain.site import Site
from portal.domain.way_back import Browser
from portal.services.ports.access_points import AccessPoints
from portal.web.target import peer_address
from portal.web.texts import Language

MOUNT_PATH: Final = "/via"
"""Under it stand the tokens; itself it is the page for those that are no good."""

BACK_PREFIX: Final = "/back/"
"""Before a reference that a browser brings back from its access point, once."""

_PAGES = frozenset(
    {
        *("/", "/code", "/status", "/devices", "/wait", "/wait/still"),
        *("/help", "/rules", "/privacy", "/accessibility", "/report"),
        *("/failed", MOUNT_PATH),
    }
)


@dataclass(frozen=True, slots=True)
class Here:
    """The device that asks, and the library whose network it is on."""

    device: Device
    library: Site


@dataclass(frozen=True, slots=True)
class Mount:
    """Where the pages stand for a visitor whom an access point sent: under a token."""

    points: AccessPoints = field(repr=False)
    passage: Passage = field(repr=False)
    token: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """Return what stands before every path of ours."""
        return f"{MOUNT_PATH}/{self.token}"

    def changed(self, passage: Passage, now: datetime) -> "Mount":
        """Return the mount of another passage."""
        return Mount(self.points, passage, self.points.token(passage, now))


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
    mount: Mount | None = None
    """None on a gateway's own network."""

    @property
    def kind(self) -> str:
        """What the desk calls the device: "iPhone", or "" where its browser says nothing."""
        return label_of(self.request.headers.get("User-Agent", ""))

    @property
    def browser(self) -> Browser:
        """Who asks, as far as we see that."""
        return Browser(peer_address(self.request), self.request.headers.get("User-Agent", ""))

    def location_back(self, mount: Mount) -> str:
        """Return the path by which this browser comes to a passage's status page, once."""
        reference = mount.points.reference(mount.passage, self.browser, self.now)
        return self._in_language(f"{BACK_PREFIX}{reference}")

    def link(self, path: str) -> str:
        """Return a path of our own, for a page, that keeps the chosen language.

        Under a prefix it is relative (RFC 3986 section 4.2): ten tokens would fill a page.
        """
        if self.mount is None:
            return self._in_language(path)
        up = "../" * (self.path.count("/") - 1)
        return self._in_language(f"{up}{path[1:]}" or "./")

    def location(self, path: str) -> str:
        """Return the whole path, for a redirect."""
        return self._in_language(path if self.mount is None else self.mount.prefix + path)

    def _in_language(self, path: str) -> str:
        return path if self.asked_language is None else f"{path}?lang={self.asked_language}"

    def link_in(self, path: str, tag: str) -> str:
        """Return a path of our own in another language."""
        return f"{replace(self, asked_language=None).link(path)}?lang={tag}"

    def path_here(self) -> str:
        """Return the address of this page for a link to itself in another language.

        A form's own address answers a GET with the front page, so that is named instead.
        """
        return self.path if self.path in _PAGES or self.path.startswith(("/v/", "/day/")) else "/"
