"""What is sent to an access point unasked, and what its answer means (RFC 5176).

Not the sending. Pure; time is a parameter.
The rule to keep: an ACK says that the access point agreed, no more; that a device is out is known
from the Stop in its accounting.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from radius_bridge.dictionary import ErrorCause, named
from radius_bridge.values import attribute
from radius_bridge.vendors.family import DynamicKind, DynamicMessage
from radius_bridge.wire import Code, Packet

_CODES = {
    DynamicKind.CHANGE: Code.COA_REQUEST,
    DynamicKind.DISCONNECT: Code.DISCONNECT_REQUEST,
}
_EVENT_TIMESTAMP = named("Event-Timestamp")
_ERROR_CAUSE = named("Error-Cause")
_ERROR_CAUSE_OCTETS = 4


@dataclass(frozen=True, slots=True)
class Accepted:
    """The access point agreed."""


@dataclass(frozen=True, slots=True)
class SessionUnknown:
    """The access point has no such session: for a Disconnect as good as done."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The access point cannot do that, or not with these attributes: do it another way.

    `error_cause` None: by its own settings it takes no such requests, and none was sent.
    """

    error_cause: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The access point did not do it; some give no reason."""

    error_cause: int | None


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer in half a minute: it is away, or drops what we say (secret, address, a key)."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Too much waits for this access point already: nothing was sent, try again later."""


class Missing(Enum):
    """Why there is no reply."""

    SILENCE = "silence"
    NO_ROOM = "no_room"


Outcome = Accepted | SessionUnknown | Unsupported | Refused | Silent | NotSent

_UNSUPPORTED = frozenset(
    {
        ErrorCause.UNSUPPORTED_ATTRIBUTE,
        ErrorCause.UNSUPPORTED_SERVICE,
        ErrorCause.UNSUPPORTED_EXTENSION,
    }
)


def dynamic_request(message: DynamicMessage, now: datetime) -> Packet:
    """Make the request, with the Event-Timestamp; Identifier and authenticators are still to come.

    The Event-Timestamp is that of the event: it stays when the request is sent again.
    """
    moment = attribute(_EVENT_TIMESTAMP, int(now.timestamp()))
    return Packet(_CODES[message.kind], 0, b"", (*message.attributes, moment))


def outcome_of(reply: Packet | Missing) -> Outcome:
    """Say what a reply means, whose authenticators were judged, or what it means to have none."""
    if isinstance(reply, Missing):
        return Silent() if reply is Missing.SILENCE else NotSent()
    if reply.code in {Code.DISCONNECT_ACK, Code.COA_ACK}:
        return Accepted()
    value = reply.first(_ERROR_CAUSE.kind) or b""
    cause = int.from_bytes(value, "big") if len(value) == _ERROR_CAUSE_OCTETS else None
    if cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND:
        return SessionUnknown()
    return Unsupported(cause) if cause in _UNSUPPORTED else Refused(cause)
