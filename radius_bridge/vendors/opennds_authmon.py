"""openNDS at levels 3 and 4: what its `authmon` asks, and the lists that it is answered with.

Pure. Nothing can be said to such a gateway: every few seconds it asks the portal by itself, with
`auth_get` one of ``view`` (whom to let in; then the same with the list of those that it let in),
``list`` (the same in one, in old versions), ``clear`` (it has just started), ``deauthed`` (who is
out) and ``custom`` (anything, for scripts of one's own).
The rules to keep: a question proves nothing but that somebody knows the gateway's name, whose hash
it holds, and its own pages show that name: so nothing of a guest is answered, and what is said of
one costs no more than a login that has to be repeated. And `authmon` hands what it is answered to
a shell, as root: an answer is made of hexadecimal and decimal digits and ``%20``, of nothing else.
Source: openNDS 9.10 and 10.1, `authmon.sh`, `post-request.php`, `libopennds.sh` (wget_request),
`fas-aes-https.php`, `fas-hid-https.php`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

KEYS = ("auth_get", "gatewayhash", "payload")
"""What a question holds, as a form or as a query."""

LONGEST_PAYLOAD = 4096
"""Characters of Base64: eleven acknowledged devices have about 1,000."""

MOST_LISTED = 11
"""`authmon` takes the first 1,024 characters of a list, whatever that cuts in two."""

_LONGEST_LIST = 1024
_HASH = re.compile("[0-9a-f]{64}")
_NOTHING = "none"
_PUT_OUT = "kvar-out"
"""What the script of ours begins its `custom` with (docs/access-points/opennds.md)."""

ACKNOWLEDGED = "ack"
_MOST_MINUTES = 525_600
_MOST_KBIT_S = 10_000_000


class Ask(StrEnum):
    """What a gateway wants."""

    WHOM_TO_LET_IN = "whom_to_let_in"
    LET_IN = "let_in"
    """It says whom it let in."""
    WHOM_TO_LET_IN_ONCE = "whom_to_let_in_once"
    """It will not say whom it let in."""
    WHOM_TO_PUT_OUT = "whom_to_put_out"
    PUT_OUT = "put_out"
    """It says whom it put out."""
    NOTHING = "nothing"
    """It started, or says something that is no use."""


@dataclass(frozen=True, slots=True)
class Question:
    """``gateway`` is the hash of a name, 64 hexadecimal digits; so are ``rhids``."""

    ask: Ask
    gateway: str
    rhids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A device to let in, for so many minutes; 0 kbit/s: no limit of ours."""

    rhid: str = field(repr=False)
    minutes: int
    upload_kbit_s: int = 0
    download_kbit_s: int = 0


def gateway_hash(name: str) -> str:
    """Return the hash of a gateway's name (`uh_urlencode`, then SHA-256)."""
    return hash_of_written(_written(name))


def hash_of_written(name: str) -> str:
    """Return the hash of a gateway's name as it stands in a redirect, escaped."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def read_question(fields: Mapping[str, str]) -> Question | None:
    """Read a question; None: it is none."""
    gateway, what = fields.get("gatewayhash", ""), fields.get("auth_get", "")
    payload = _payload(fields.get("payload", ""))
    if payload is None or not _HASH.fullmatch(gateway):
        return None
    match what:
        case "view":
            return _viewed(gateway, payload)
        case "list":
            return Question(Ask.WHOM_TO_LET_IN_ONCE, gateway)
        case "clear" | "deauthed":
            return Question(Ask.NOTHING, gateway)
        case "custom":
            return _customised(gateway, payload)
    return None


def answer(entries: Iterable[Entry]) -> str:
    """Return the list of those to let in: as many whole entries as `authmon` reads."""
    return _listed(_entry(one) for one in entries)


def answer_out(rhids: Iterable[str]) -> str:
    """Return the list of those to put out."""
    return _listed(rhid for rhid in rhids if _HASH.fullmatch(rhid))


def _viewed(gateway: str, payload: str) -> Question | None:
    if payload == _NOTHING:
        return Question(Ask.WHOM_TO_LET_IN, gateway)
    if not payload.startswith("*"):
        return None
    return Question(Ask.LET_IN, gateway, _hashes(payload))


def _customised(gateway: str, payload: str) -> Question:
    if payload == _PUT_OUT:
        return Question(Ask.WHOM_TO_PUT_OUT, gateway)
    if payload.startswith(f"{_PUT_OUT} *"):
        return Question(Ask.PUT_OUT, gateway, _hashes(payload))
    return Question(Ask.NOTHING, gateway)


def _hashes(text: str) -> tuple[str, ...]:
    """Return the hashes in a list; `authmon` divides it by spaces, the examples by line breaks."""
    return tuple(dict.fromkeys(word for word in text.split() if _HASH.fullmatch(word)))


def _payload(text: str) -> str | None:
    """Return a payload as text; a plus sign may have become a space on the way."""
    if len(text) > LONGEST_PAYLOAD:
        return None
    try:
        return base64.b64decode(text.replace(" ", "+")).decode("utf-8", "replace").strip()
    except (binascii.Error, ValueError):
        return None


def _entry(one: Entry) -> str:
    if not _HASH.fullmatch(one.rhid):
        return ""
    minutes = min(max(one.minutes, 1), _MOST_MINUTES)
    rates = (min(max(rate, 0), _MOST_KBIT_S) for rate in (one.upload_kbit_s, one.download_kbit_s))
    return "%20".join((one.rhid, *(f"{number:d}" for number in (minutes, *rates, 0, 0))))


def _listed(words: Iterable[str]) -> str:
    text = "*"
    for word in filter(None, words):
        if len(text) + 1 + len(word) > len("* ") + _LONGEST_LIST:
            break
        text += f" {word}"
    return text


def _written(name: str) -> str:
    """Escape a name as openNDS does: octets, lower-case digits, letters of ASCII as they are."""
    return "".join(
        chr(octet)
        if chr(octet).isascii() and (chr(octet).isalnum() or chr(octet) in "-_.~")
        else f"%{octet:02x}"
        for octet in name.encode()
    )
