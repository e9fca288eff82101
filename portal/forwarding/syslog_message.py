"""PURE: an event as a syslog message (RFC 5424), in the frame that TLS carries it in (RFC 5425).

Not the connection (syslog_channel.py). The rule to keep: whatever an event holds, what leaves is
one well-formed message; nothing in it can end it early or begin another.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC

from portal.domain.forwarded_event import ForwardedEvent

FACILITIES = {
    "user": 1, "daemon": 3, "auth": 4, "authpriv": 10, "local0": 16, "local1": 17, "local2": 18,
    "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip
"""RFC 5424 table 1, those that make sense for us."""

WARNING, NOTICE = 4, 5
"""RFC 5424 table 2: an alarm is a warning, everything else a normal but significant condition."""

LONGEST_VALUE = 200
"""Characters. A receiver must take 2,048 octets (RFC 5425 section 4.3.1)."""

EXAMPLE_ENTERPRISE = 32473
"""RFC 5612: for documentation. Kvar has no number of its own; an organisation puts in its own."""

_NIL = "-"
_BOM = b"\xef\xbb\xbf"
_PRINTABLE = re.compile(r"[^!-~]")
_NOT_IN_NAMES = re.compile(r'[^!-~]|[="\]]')
_ESCAPED = re.compile(r'(["\\\]])')


@dataclass(frozen=True, slots=True)
class Dress:
    """What every message of ours begins with."""

    host_name: str
    process_id: int
    facility: str = "local0"
    enterprise: int = EXAMPLE_ENTERPRISE


def encode(event: ForwardedEvent, dress: Dress) -> bytes:
    """Return the message."""
    severity = WARNING if event.is_alarm else NOTICE
    priority = FACILITIES[dress.facility] * 8 + severity
    at = event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    header = " ".join(
        (
            f"<{priority}>1",
            at,
            _word(dress.host_name, 255),
            "kvar",
            str(dress.process_id),
            _word(event.kind, 32),
        )
    )
    text = json.dumps({"event": event.kind, **_facts(event)}, ensure_ascii=False)
    return (
        f"{header} {_structured(event, dress)} ".encode() + _BOM + text.encode("utf-8", "replace")
    )


def frame(message: bytes) -> bytes:
    """Return the message behind its length (RFC 5425 section 4.3)."""
    return b"%d %s" % (len(message), message)


def _facts(event: ForwardedEvent) -> dict[str, str]:
    known = {"site": event.site_id, "session": event.session, "device": event.device}
    facts = {name: value for name, value in known.items() if value} | dict(event.detail)
    return {name: _cut(value) for name, value in facts.items()}


def _structured(event: ForwardedEvent, dress: Dress) -> str:
    """Return the structured data (RFC 5424 section 6.3), NIL where nothing is to be said."""
    values = "".join(f" {_name(name)}={_value(text)}" for name, text in _facts(event).items())
    return f"[kvar@{dress.enterprise}{values}]" if values else _NIL


def _name(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text)[:32] or "_"


def _value(text: str) -> str:
    escaped = _ESCAPED.sub(r"\\\1", text)
    return f'"{escaped}"'


def _word(text: str, longest: int) -> str:
    return _PRINTABLE.sub("_", text)[:longest] or _NIL


def _cut(text: str) -> str:
    """Return the text on one line, short enough, and in valid Unicode."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable.encode("utf-8", "replace").decode()[:LONGEST_VALUE]
