"""What the server asks its policy about an Access-Request, and what it may be answered.

Not the wire: vendors turn a decision into attributes, the server into octets. Pure.
The rule to keep: texts from an access point are untrusted octets, and a question is only asked
after the request's authenticators were judged.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from radius_bridge.clients import RadiusClient
from radius_bridge.credentials import Credential, NoPassword
from radius_bridge.wire import Attribute


class Station(NamedTuple):
    """What a request tells of the device and of where it is; None or empty: it does not tell.

    A tuple, because one is made of every request, and a frozen dataclass takes four times as long.

    ``mac`` is ``aa:bb:cc:dd:ee:ff``, ``ip`` and ``nas_ip`` addresses in their usual text.
    ``source_ip`` is where the request came from: with a proxy or NAT not the access point's own.
    ``called`` is the access point's address or name without its SSID. ``audit_session_id`` is
    Cisco's key of the device's session (also Meraki's).
    """

    mac: str | None = None
    ip: str | None = None
    user_name: bytes = b""
    accounting_session_id: bytes | None = None
    audit_session_id: bytes | None = None
    source_ip: str = ""
    nas_ip: str | None = None
    nas_identifier: bytes | None = None
    nas_port: int | None = None
    called: bytes = b""
    ssid: bytes = b""


class AccessQuestion(NamedTuple):
    """An Access-Request that was proved, or that the client's exception lets pass unproved.

    ``is_mac_authentication``: nobody logs in, the device is named by its own address; then
    ``credential`` says nothing. ``asks_for_cui``: the client wants a Chargeable-User-Identity
    (RFC 4372), and ``cui`` is the one it knows already.
    """

    client: RadiusClient
    station: Station
    is_mac_authentication: bool = False
    credential: Credential = NoPassword.ABSENT
    asks_for_cui: bool = False
    cui: bytes | None = None


class Bandwidth(NamedTuple):
    """What a device may use, in bit/s, as the device sees it; None: no limit."""

    upload_bit_s: int | None = None
    download_bit_s: int | None = None


@dataclass(slots=True)
class Grant:
    """Let the device in. Nobody changes one: it is not frozen because one is made of every Accept.

    ``session_timeout_s``: after so long the access point asks again (``reauthenticates``), or
    ends the session. It never comes before the end of a tutoring. ``idle_timeout_s`` None: the
    access point does not end what is quiet. ``session`` comes back in accounting as Class, and
    ``cui`` is sent where the client wants one. ``vlan`` and ``role`` are the names that the access
    points know. ``proof`` is what a login's answer must hold beside (MS-CHAPv2).
    """

    session: bytes
    session_timeout_s: int
    reauthenticates: bool = True
    idle_timeout_s: int | None = None
    interim_interval_s: int = 300
    cui: bytes | None = None
    bandwidth: Bandwidth = Bandwidth()  # noqa: RUF009 - a tuple
    vlan: str | None = None
    role: str | None = None
    proof: tuple[Attribute, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ToPortal:
    """The device is nobody yet: show it the login page at this address.

    Families whose access points make the address themselves, and for which a Reject is what opens
    the portal, send a Reject. ``url`` ends in ``?``, because Cisco appends ``&redirect_url=…``.
    ``vlan`` is the one where a gateway shows the portal, for access points that cannot redirect.
    """

    url: str
    role: str | None = None
    vlan: str | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """A Reject; ``message`` is shown by some access points, and holds nothing from the request."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: nothing can be decided now, and another server may know. The client asks again."""


Decision = Grant | ToPortal | Refuse | Silence


class AccessPolicy(Protocol):
    """Who may come in. Fails closed: an exception that leaves ``ask`` is a bug."""

    def know(self, question: AccessQuestion) -> Decision | None:
        """Answer from memory, at once; None: it has to be asked. Called for every request."""
        ...

    def ask(self, question: AccessQuestion) -> Awaitable[Decision]:
        """Answer with what has to be looked up, in a second or two at most."""
        ...
