"""What a family of access points does in its own way: the interface of the files beside it.

Pure: attributes and addresses in, attributes and addresses out. Only differences live in a
family's file; what all share is in `standard.py`.
The rule to keep: everything in a redirect's query is the visitor's word until a signature or a
registered host says otherwise (`read_redirect` checks both).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from radius_bridge.access import Grant, Station, ToPortal
from radius_bridge.accounting import AccountingRecord
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Packet


class DynamicVerb(StrEnum):
    """Why the bridge turns to an access point by itself."""

    ADMIT = "admit"
    """A device that was sent to the portal is let in now."""
    CHANGE = "change"
    """Another end, or other limits, for a device that is in."""
    EXPEL = "expel"
    """Out, now."""


class DynamicKind(StrEnum):
    """Which request says it (RFC 5176)."""

    CHANGE = "change_of_authorization"
    DISCONNECT = "disconnect"


class Reach(StrEnum):
    """What can be done about a session that runs at an access point."""

    CHANGE = "change"
    """Its end and its limits can be changed (`Family.dynamic` has a CoA for CHANGE)."""
    EXPEL = "expel"
    """It can be ended, and not changed: what its Accept said holds until then."""
    NOTHING = "nothing"
    """What its Accept said is all that ends it."""


@dataclass(frozen=True, slots=True)
class DynamicMessage:
    """A CoA- or Disconnect-Request without its Event-Timestamp and authenticators."""

    kind: DynamicKind
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """What a client's portal flow needs beside RADIUS.

    ``hosts`` are the only hosts to which a visitor's browser is sent back: ``name``, ``name:port``
    or ``*.domain`` (`redirects.is_ours`). ``secret`` is the family's own (``uamsecret``, FAS key),
    None where there is none. ``in_clear``: its redirects are not enciphered (openNDS, levels 1
    and 4). ``gateways`` are the hashes of the names of gateways that ask us whom to let in
    (`opennds_authmon.gateway_hash`); empty: the browser carries the answer.
    """

    hosts: tuple[str, ...] = ()
    secret: Secret | None = field(default=None, repr=False)
    in_clear: bool = False
    gateways: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Redirected:
    """A visitor whom an access point sent to the login page, as far as it can be believed.

    ``mac`` None: the access point hides it, and its controller has to be asked (Ruckus).
    ``parameters`` is what the way back needs, at most 1800 characters. ``online``: the access point
    says that the device is in already. ``failed``: it refused the last login.
    """

    mac: str | None
    ip: str | None = None
    original_url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    online: bool = False
    failed: bool = False


class NotBelieved(StrEnum):
    """Why a redirect is refused; logged, and the visitor is asked to open the page anew."""

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    STRANGE_HOST = "strange_host"
    UNPROTECTED = "unprotected"
    """The access point lets in whoever writes the right address, without asking us."""


@dataclass(frozen=True, slots=True)
class LoginToken:
    """What the access point logs in with in the visitor's stead: never a card or a PIN."""

    user_name: str
    password: Secret

    def as_typed(self) -> str:
        """Return the password as a form's field holds it."""
        return self.password.reveal().decode("ascii")


@dataclass(frozen=True, slots=True)
class WayBack:
    """The request by which the visitor's browser makes the access point ask us.

    ``method`` GET: a redirect to ``url`` is enough. POST: a form with ``fields`` that the visitor
    sends by one press where there is no script.
    """

    method: str
    url: str = field(repr=False)
    fields: Sequence[tuple[str, str]] = field(default=(), repr=False)


class Family(Protocol):
    """One dialect. Every method is pure and total for decoded packets."""

    def grant(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the attributes of the Access-Accept, the grant's proof among them.

        Not the Message-Authenticator. A role or a VLAN of at most 63 characters always fits.
        """
        ...

    def to_portal(self, decision: ToPortal, station: Station) -> tuple[Attribute, ...] | None:
        """Return the attributes of an Accept that redirects; None: a Reject is what redirects."""
        ...

    def counted(self, record: AccountingRecord, request: Packet) -> AccountingRecord:
        """Return the record with its octets turned to the device's view."""
        ...

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return what tells the access point; None: it cannot be told. Grant None for EXPEL."""
        ...

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return what `dynamic` can do about a session whose grant has this role."""
        ...

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the address a visitor came with, exactly as it stood; None: the family has none."""
        ...

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return how the browser logs in at the access point; None: the bridge lets it in itself.

        ``portal_url`` is where the visitor ends up, with a full navigation.
        """
        ...

    def way_out(self, parameters: Mapping[str, str]) -> str | None:
        """Return where the browser logs off, from a redirect's parameters; None: nowhere."""
        ...
