"""One request to the staff site: who asks, in which language, at which site, and when.

Not a session (portal/domain/staff_session.py): it lives as long as the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from portal.domain.site import Site
from portal.domain.staff_session import StaffSession, Stage
from portal.services.staff.doors import Asker
from portal.web.texts import Language


@dataclass(frozen=True, slots=True)
class Visit:
    """``session`` None: nobody is signed in. ``fields``: of the form, where one was posted."""

    request: web.BaseRequest
    path: str
    language: Language
    now: datetime
    asker: Asker
    binding: bytes = field(repr=False)
    """What this browser's form tokens are bound to."""
    new_browser: str | None = field(default=None, repr=False, kw_only=True)
    """What it is to hold from now on, where it held nothing yet."""
    session: StaffSession | None = None
    site: Site | None = None
    """Where the account works now; None where it has no site."""
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """The path and what the query says, as the browser's address has it."""
        query = self.request.query_string
        return f"{self.path}?{query}" if query else self.path

    @property
    def me(self) -> StaffSession:
        """Who is signed in: on a page whose access is not Anyone, somebody is."""
        if self.session is None:
            raise LookupError("nobody is signed in on a page for Anyone")
        return self.session

    @property
    def here(self) -> Site:
        """The site: on a page whose access says at_site, there is one."""
        if self.site is None:
            raise LookupError("no site on a page that is not at_site")
        return self.site

    @property
    def is_signed_in(self) -> bool:
        """Whether the whole way in was gone."""
        return self.session is not None and self.session.stage is Stage.OPEN
