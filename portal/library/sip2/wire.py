"""SIP2 2.00 on the wire, seen from the client: messages to bytes, bytes to answers, no I/O.

Not a full codec: it speaks the four messages a login needs (93, 99, 23, 63) and keeps of an
answer only what the verdict needs. Names, addresses and free text are dropped unread.
The rule to keep: every occurrence of a field is kept, because a piece of somebody's e-mail
address can look like one; nothing received or sent ever shows in an error.
Source: 3M "Standard Interchange Protocol 2.00", document revision 2.12 (11 April 2006).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.domain.card import is_safe
from portal.domain.identity import Secret

LONGEST_FRAME = 64 * 1024
"""Bytes. Values have at most 255 bytes and answers some dozen fields; more is not an answer."""

PATRON_STATUS_FLAGS = 14
"""Positions of the patron status; 4 is "card reported lost", 0 "charge privileges denied"."""

_FIXED_LENGTHS = {b"94": 1, b"98": 34, b"24": 35, b"64": 59, b"96": 0}
"""Bytes between the code and the first variable field of each answer."""

_TERMINATOR = re.compile(rb"[\r\n]")
_TAIL = re.compile(rb"(?:AY([0-9]))?AZ([0-9A-Fa-f]{4})\Z")
_PROMPT = re.compile(rb"(?:login|user ?name|user|password)[ \t]*[:>][ \t]*\Z", re.IGNORECASE)


NO_SECRET = Secret("")


class WireError(Exception):
    """Base of what this module raises. Its text never holds anything that was sent or received."""


class UnsendableError(WireError):
    """A value that must not or cannot be put into a message."""


class AnswerFault(StrEnum):
    """What is wrong with an answer."""

    TOO_LONG = "answer_too_long"
    TRUNCATED = "answer_truncated"
    CODE_UNKNOWN = "answer_code_unknown"
    CHECKSUM_WRONG = "answer_checksum_wrong"


class MalformedAnswerError(WireError):
    """An answer that cannot be trusted: close the connection, there may be more of the kind."""

    def __init__(self, fault: AnswerFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server writes text. The encoding must be ASCII-compatible, the delimiter ASCII."""

    encoding: str = "cp850"
    delimiter: str = "|"


class PatronMessage(StrEnum):
    """Which message asks about a patron: 23 tells the least, 63 where 23 does not check a PIN."""

    STATUS = "status"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Login:
    """93: the portal's own account at the library system."""

    user: str
    password: Secret
    location_code: str = ""


@dataclass(frozen=True, slots=True)
class ScStatus:
    """99: "is anybody there?", and says that we speak 2.00 (without it some omit BL and CQ)."""


@dataclass(frozen=True, slots=True)
class PatronQuery:
    """23 or 63. The summary of 63 stays blank: it would fetch what the patron has borrowed."""

    message: PatronMessage
    card: Secret
    pin: Secret
    sent_at: datetime
    language: str = "006"
    institution_id: str = ""
    terminal_password: Secret = NO_SECRET


Query = Login | ScStatus | PatronQuery


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """94."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """98."""

    online: bool


@dataclass(frozen=True, slots=True)
class ResendRequest:
    """96: the server did not process our message."""


@dataclass(frozen=True, slots=True)
class PatronAnswer:
    """24 or 64: every occurrence of each field the verdict reads, no other.

    ``flags`` are the positions 0-13 set in the patron status. ``valid_patron`` (BL),
    ``valid_password`` (CQ) and ``expired`` (PY) hold first characters, "" for a blank value;
    ``expiry_dates`` (PA) the first eight. A piece of free text may hide among them.
    """

    message: PatronMessage
    flags: frozenset[int]
    cards: tuple[Secret, ...]
    valid_patron: tuple[str, ...]
    valid_password: tuple[str, ...]
    expiry_dates: tuple[str, ...]
    expired: tuple[str, ...]


Answer = LoginAnswer | StatusAnswer | ResendRequest | PatronAnswer


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer with its tail: ``sequence`` 0-9 or None, and whether a checksum was verified."""

    answer: Answer
    sequence: int | None
    checksummed: bool


# --- encoding --------------------------------------------------------------------------------


def encode(query: Query, dialect: Dialect) -> bytes:
    """Return the message without tail and terminator.

    Raises:
        UnsendableError: a value holds a delimiter or control character, is longer than 64
            characters, cannot be encoded, or card or PIN is empty.
    """
    if isinstance(query, ScStatus):
        return b"9900802.00"
    if isinstance(query, PatronQuery):
        return _encode_patron_query(query, dialect)
    fields = [("CN", query.user), ("CO", query.password.reveal())]
    fields += [("CP", query.location_code)] if query.location_code else []
    return b"9300" + _encode_fields(fields, dialect)


def _encode_patron_query(query: PatronQuery, dialect: Dialect) -> bytes:
    card, pin = query.card.reveal(), query.pin.reveal()
    if not card or not pin:
        raise UnsendableError("card or PIN is empty")
    is_status = query.message is PatronMessage.STATUS
    head = f"{query.language}{query.sent_at:%Y%m%d    %H%M%S}"
    head = f"23{head}" if is_status else f"63{head}{'':10}"
    fields = [("AO", query.institution_id), ("AA", card)]
    fields += [("AC", query.terminal_password.reveal()), ("AD", pin)]
    return head.encode("ascii") + _encode_fields(fields, dialect)


def _encode_fields(fields: Iterable[tuple[str, str]], dialect: Dialect) -> bytes:
    delimiter = dialect.delimiter.encode("ascii")
    return b"".join(
        name.encode("ascii") + _encode_value(value, dialect) + delimiter for name, value in fields
    )


def _encode_value(value: str, dialect: Dialect) -> bytes:
    if not is_safe(value, dialect.delimiter):
        raise UnsendableError("a value holds a delimiter or control character, or is too long")
    try:
        encoded = value.encode(dialect.encoding)
    except UnicodeError:
        raise UnsendableError("a value cannot be written in the server's encoding") from None
    if any(byte < 0x20 or byte == ord(dialect.delimiter) for byte in encoded):
        raise UnsendableError("an encoded value holds a delimiter or control character")
    return encoded


def seal(body: bytes, *, checksum: bool, sequence: int | None = None) -> bytes:
    """Return the frame to send: body, tail if wanted, and one CR.

    Never LF: it would stand first in the next frame of a strict server. ``sequence`` 0-9 goes
    only with a checksum.
    """
    if not checksum:
        return body + b"\r"
    covered = body + (b"AZ" if sequence is None else b"AY%dAZ" % sequence)
    return covered + checksum_of(covered) + b"\r"


def checksum_of(covered: bytes) -> bytes:
    """Return four hex digits: the two's complement of the 16-bit sum of bytes through ``AZ``."""
    return b"%04X" % (-sum(covered) & 0xFFFF)


# --- reading ---------------------------------------------------------------------------------


class FrameReader:
    """Cuts a stream into frames. Ends a frame at CR or LF, skips empty ones.

    Servers end answers with CR, CRLF or LF, and some send stray ones before a frame.
    """

    def __init__(self) -> None:
        self._partial = bytearray()

    @property
    def partial(self) -> bytes:
        """What has arrived of the next frame."""
        return bytes(self._partial)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that this piece of the stream completes, without terminators.

        Raises:
            MalformedAnswerError: a frame is longer than ``LONGEST_FRAME``.
        """
        frames = []
        *complete, rest = _TERMINATOR.split(data)
        for piece in complete:
            self._append(piece)
            if self._partial:
                frames.append(bytes(self._partial))
                self._partial.clear()
        self._append(rest)
        return frames

    def _append(self, piece: bytes) -> None:
        self._partial += piece
        if len(self._partial) > LONGEST_FRAME:
            raise MalformedAnswerError(AnswerFault.TOO_LONG)


def is_login_prompt(received: bytes) -> bool:
    """Say whether this is a terminal's prompt: the server uses SIP2's "telnet" transport."""
    return _PROMPT.search(received[-64:]) is not None


def parse(frame: bytes, dialect: Dialect) -> Envelope:
    """Parse one frame without its terminator.

    Raises:
        MalformedAnswerError: unknown code, fixed part too short, or wrong checksum.
    """
    body, sequence, checksummed = _strip_tail(frame)
    code, rest = body[:2], body[2:]
    if code not in _FIXED_LENGTHS:
        raise MalformedAnswerError(AnswerFault.CODE_UNKNOWN)
    length = _FIXED_LENGTHS[code]
    if len(rest) < length:
        raise MalformedAnswerError(AnswerFault.TRUNCATED)
    answer = _read_answer(code, rest[:length], rest[length:], dialect)
    return Envelope(answer, sequence, checksummed)


def _strip_tail(frame: bytes) -> tuple[bytes, int | None, bool]:
    """The tail is removed even when we did not ask for it: some servers always send one."""
    match = _TAIL.search(frame)
    if match is None:
        return frame, None, False
    if checksum_of(frame[: match.start(2)]) != match[2].upper():
        raise MalformedAnswerError(AnswerFault.CHECKSUM_WRONG)
    return frame[: match.start()], int(match[1]) if match[1] else None, True


def _read_answer(code: bytes, fixed: bytes, variable: bytes, dialect: Dialect) -> Answer:
    match code:
        case b"94":
            return LoginAnswer(accepted=fixed == b"1")
        case b"98":
            return StatusAnswer(online=fixed[:1] == b"Y")
        case b"96":
            return ResendRequest()
        case _:
            message = PatronMessage.STATUS if code == b"24" else PatronMessage.INFORMATION
            return _read_patron(message, fixed, variable, dialect)


def _read_patron(
    message: PatronMessage, fixed: bytes, variable: bytes, dialect: Dialect
) -> PatronAnswer:
    pieces = variable.split(dialect.delimiter.encode("ascii"))

    def values(name: bytes, length: int | None = None) -> tuple[str, ...]:
        found = (piece[2:] for piece in pieces if piece.startswith(name))
        return tuple(value.decode(dialect.encoding, "replace")[:length] for value in found)

    return PatronAnswer(
        message=message,
        flags=_read_flags(fixed[:PATRON_STATUS_FLAGS]),
        cards=tuple(Secret(card) for card in values(b"AA")),
        valid_patron=values(b"BL", 1),
        valid_password=values(b"CQ", 1),
        expiry_dates=values(b"PA", 8),
        expired=values(b"PY", 1),
    )


def _read_flags(status: bytes) -> frozenset[int]:
    return frozenset(position for position, flag in enumerate(status) if flag != ord(" "))
