"""What every operation of the API works with, and what one call of it is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from portal.domain.api_token import ApiToken, Scope
from portal.domain.identity import SiteId
from portal.services.api_tokens import TokenGuard
from portal.services.ports import Clock, Events
from portal.services.vouchers import Vouchers
from portal.web.api.settings import ApiSettings

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ApiSite:
    """The settings and the services, together."""

    settings: ApiSettings
    tokens: TokenGuard
    vouchers: Vouchers
    events: Events
    clock: Clock


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as it was judged.

    ``scopes`` is what its operation needs, and ``named`` what the path names.
    """

    request: web.BaseRequest = field(repr=False)
    now: datetime
    operation_id: str
    scopes: Collection[Scope]
    named: Mapping[str, str]
    token: ApiToken | None = None
    site_id: SiteId | None = None
    query: BaseModel | None = None
    body: BaseModel | None = field(default=None, repr=False)

    @property
    def me(self) -> ApiToken:
        """Return the token of an operation that needs one."""
        return _there(self.token)

    @property
    def here(self) -> SiteId:
        """Return the site of an operation that needs one."""
        return _there(self.site_id)

    @property
    def by(self) -> str:
        """Return who acts, for the event log."""
        return f"token:{self.me.name}"

    def asked(self, kind: type[Model]) -> Model:
        """Return the query of an operation that takes one like this."""
        return _of(self.query, kind)

    def taken(self, kind: type[Model]) -> Model:
        """Return the body of an operation that takes one like this."""
        return _of(self.body, kind)


Thing = TypeVar("Thing")


def _there(thing: Thing | None) -> Thing:
    if thing is None:
        raise TypeError("the table of operations does not ask for this")
    return thing


def _of(model: BaseModel | None, kind: type[Model]) -> Model:
    if not isinstance(model, kind):
        raise TypeError("the table of operations names another model")
    return model
