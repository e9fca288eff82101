"""PURE: what the access point says and understands: Cisco's central web authentication.

Not sockets and no state. Sources: RFC 2865, 2866 and 5176; Cisco document 213920 (central web
authentication on the Catalyst 9800): MAC authentication is accepted with a redirect, and a CoA
makes the controller ask again.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from radius_bridge.dictionary import (
    AccountingStatus,
    ErrorCause,
    ServiceType,
    TerminateCause,
    named,
)
from radius_bridge.passwords import hide_password
from radius_bridge.secret import Secret
from radius_bridge.values import Value, attribute
from radius_bridge.wire import Attribute, Code, Packet

COA_PORT = 1700
"""Where Cisco's controllers listen."""

_PAIR = named("Cisco-AVPair")
_AUDIT, _REDIRECT, _ACL = "audit-session-id=", "url-redirect=", "url-redirect-acl="
_REAUTHENTICATE = "subscriber:command=reauthenticate"
_WIRELESS = 19


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the access point is, in every packet it sends."""

    address: str
    name: str
    ssid: str
    radio: str
    """The MAC address of its radio."""

    def attributes(self) -> tuple[Attribute, ...]:
        """NAS-IP-Address, NAS-Identifier, NAS-Port-Type and Called-Station-Id."""
        return (
            _write("NAS-IP-Address", IPv4Address(self.address)),
            _write("NAS-Identifier", self.name),
            _write("NAS-Port-Type", _WIRELESS),
            _write("Called-Station-Id", f"{_dashed(self.radio)}:{self.ssid}"),
        )


@dataclass(frozen=True, slots=True)
class Device:
    """One device on the air, under the two keys that name its session."""

    mac: str
    audit_session: str
    """The controller's own key, in authentication and CoA."""
    session: str
    """Acct-Session-Id."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a device has used, as RFC 2866 counts: input is what it sent."""

    seconds: int
    input_octets: int = 0
    output_octets: int = 0
    input_packets: int = 0
    output_packets: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a device's session: ``echoed`` is what came with the Accept."""

    status: AccountingStatus
    usage: Usage
    echoed: tuple[Attribute, ...] = ()
    cause: TerminateCause | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The device may pass; ask again after ``timeout_s`` when there is one."""

    timeout_s: int | None = None
    echoed: tuple[Attribute, ...] = ()
    """Class and CUI, which go back in accounting."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """The device is held, and its pages on port 80 lead to this address."""

    url: str
    acl: str


class Rejected(StrEnum):
    """Why a device gets nothing at all."""

    REJECTED = "rejected"
    SILENCE = "silence"


Answer = Admitted | Redirected | Rejected


class Verb(StrEnum):
    """What a CoA or Disconnect wants."""

    REAUTHENTICATE = "reauthenticate"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Order:
    """An understood CoA or Disconnect; a key that is None was not given."""

    verb: Verb
    mac: str | None
    audit_session: str | None

    def names(self, device: Device) -> bool:
        """Whether this device is meant: every given key fits, and there is one."""
        keys = [(self.mac, device.mac), (self.audit_session, device.audit_session)]
        given = [(key, own) for key, own in keys if key is not None]
        return bool(given) and all(key == own for key, own in given)


# --- what it asks -------------------------------------------------------------------------------


def ask(identity: Identity, device: Device, authenticator: bytes, secret: Secret) -> Packet:
    """Return the MAC authentication of a device; the caller sets the identifier."""
    name = device.mac.replace(":", "")
    hidden = hide_password(Secret(name.encode()), authenticator, secret)
    attributes = (
        _write("User-Name", name),
        Attribute(named("User-Password").kind, hidden),
        _write("Service-Type", int(ServiceType.CALL_CHECK)),
        *identity.attributes(),
        _write("Calling-Station-Id", _dashed(device.mac)),
        attribute(_PAIR, _AUDIT + device.audit_session),
    )
    return Packet(Code.ACCESS_REQUEST, 0, authenticator, attributes)


def understand(reply: Packet | None) -> Answer:
    """Read the answer to `ask`; None: there was none."""
    if reply is None:
        return Rejected.SILENCE
    if reply.code != Code.ACCESS_ACCEPT:
        return Rejected.REJECTED
    url, acl = _pair(reply, _REDIRECT), _pair(reply, _ACL)
    if url is not None and acl is not None:
        return Redirected(url, acl)
    timeout = reply.first(named("Session-Timeout").kind)
    echoed = {named("Class").kind, named("Chargeable-User-Identity").kind}
    return Admitted(
        None if timeout is None else int.from_bytes(timeout),
        tuple(one for one in reply.attributes if one.kind in echoed),
    )


# --- what it reports ----------------------------------------------------------------------------


def report(identity: Identity, device: Device, now: int, what: Report) -> Packet:
    """Return an Accounting-Request about a device, of this moment."""
    cause = () if what.cause is None else (_write("Acct-Terminate-Cause", int(what.cause)),)
    attributes = (
        _write("Acct-Status-Type", int(what.status)),
        _write("User-Name", device.mac.replace(":", "")),
        *identity.attributes(),
        _write("Calling-Station-Id", _dashed(device.mac)),
        _write("Acct-Session-Id", device.session),
        _write("Event-Timestamp", now),
        attribute(_PAIR, _AUDIT + device.audit_session),
        *(() if what.status is AccountingStatus.START else _counters(what.usage)),
        *what.echoed,
        *cause,
    )
    return Packet(Code.ACCOUNTING_REQUEST, 0, b"", attributes)


def report_itself(status: AccountingStatus, identity: Identity, now: int) -> Packet:
    """Return Accounting-On or -Off."""
    head = (_write("Acct-Status-Type", int(status)), _write("Event-Timestamp", now))
    return Packet(Code.ACCOUNTING_REQUEST, 0, b"", (*head, *identity.attributes()))


def _counters(usage: Usage) -> tuple[Attribute, ...]:
    wrap = 1 << 32
    return (
        _write("Acct-Session-Time", usage.seconds),
        _write("Acct-Input-Octets", usage.input_octets % wrap),
        _write("Acct-Output-Octets", usage.output_octets % wrap),
        _write("Acct-Input-Gigawords", usage.input_octets // wrap),
        _write("Acct-Output-Gigawords", usage.output_octets // wrap),
        _write("Acct-Input-Packets", usage.input_packets % wrap),
        _write("Acct-Output-Packets", usage.output_packets % wrap),
    )


# --- what it is told ----------------------------------------------------------------------------


def read_order(request: Packet) -> Order | ErrorCause:
    """Read a genuine CoA- or Disconnect-Request, or say why it cannot be done."""
    if request.code == Code.DISCONNECT_REQUEST:
        verb = Verb.DISCONNECT
    elif _pair(request, _REAUTHENTICATE) is not None:
        verb = Verb.REAUTHENTICATE
    else:
        return ErrorCause.UNSUPPORTED_SERVICE
    calling = request.first(named("Calling-Station-Id").kind)
    mac = None if calling is None else calling.decode("ascii", "replace").lower().replace("-", ":")
    order = Order(verb, mac, _pair(request, _AUDIT))
    if order.mac is None and order.audit_session is None:
        return ErrorCause.MISSING_ATTRIBUTE
    return order


def is_timely(request: Packet, now: int, window_s: int = 300) -> bool:
    """Whether Event-Timestamp is there and near (RFC 5176 section 6.3)."""
    stamp = request.first(named("Event-Timestamp").kind)
    return stamp is not None and abs(int.from_bytes(stamp) - now) <= window_s


def refusal(cause: ErrorCause) -> tuple[Attribute, ...]:
    """Return what a NAK holds."""
    return (_write("Error-Cause", int(cause)),)


def _pair(packet: Packet, start: str) -> str | None:
    for value in packet.vendor(_PAIR.vendor, _PAIR.kind):
        text = value.decode("utf-8", "replace")
        if text.startswith(start):
            return text[len(start) :]
    return None


def _write(name: str, value: Value) -> Attribute:
    return attribute(named(name), value)


def _dashed(mac: str) -> str:
    return mac.upper().replace(":", "-")
