"""PURE: DNS messages (RFC 1035, 3596, 9460), as far as the lab's phones and its internet need.

Not a resolver, and not for hostile input in production: the lab's own processes read it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct

A, CNAME, SOA, NULL, TXT, AAAA, OPT, HTTPS = 1, 5, 6, 10, 16, 28, 41, 65
TYPES = {
    "A": A,
    "NS": 2,
    "CNAME": CNAME,
    "SOA": SOA,
    "NULL": NULL,
    "PTR": 12,
    "MX": 15,
    "TXT": TXT,
    "AAAA": AAAA,
    "SRV": 33,
    "HTTPS": HTTPS,
    "ANY": 255,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
NOERROR, NXDOMAIN = 0, 3
CLASS_IN = 1
TTL_S = 300
RECURSION_DESIRED, RESPONSE, TRUNCATED = 0x0100, 0x8400, 0x0200


class MalformedDnsError(Exception):
    """The bytes are no DNS message that the lab can read."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Name in lower case without the last dot, and the type's number."""

    id: int
    name: str
    kind: int


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One answer record: type number and raw data."""

    kind: int
    data: bytes


def type_number(name: str) -> int:
    """The number of a type name, or of TYPE<number> (RFC 3597). Raises ValueError."""
    if name in TYPES:
        return TYPES[name]
    return int(name.removeprefix("TYPE"))


def encode_name(name: str) -> bytes:
    """Labels with their lengths, closed by the root."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_question(question: Question) -> bytes:
    """A query with recursion desired."""
    header = struct.pack("!6H", question.id, RECURSION_DESIRED, 1, 0, 0, 0)
    return header + encode_name(question.name) + struct.pack("!2H", question.kind, CLASS_IN)


def decode_question(message: bytes) -> Question:
    """The first question of a message. Raises MalformedDnsError."""
    try:
        number, _, count = struct.unpack_from("!3H", message)
        if count < 1:
            raise MalformedDnsError("no question")
        name, position = _name(message, 12)
        (kind,) = struct.unpack_from("!H", message, position)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise MalformedDnsError(str(error)) from error
    return Question(number, name.lower(), kind)


def encode_answer(question: Question, rcode: int, records: list[Record]) -> bytes:
    """An authoritative answer; an empty or negative one carries an SOA (RFC 2308)."""
    authority = 0 if records else 1
    flags = RESPONSE | RECURSION_DESIRED | 0x0080 | rcode
    header = struct.pack("!6H", question.id, flags, 1, len(records), authority, 0)
    asked = encode_name(question.name) + struct.pack("!2H", question.kind, CLASS_IN)
    body = b"".join(b"\xc0\x0c" + _record(record) for record in records)
    return header + asked + body + (b"" if records else b"\0" + _record(_soa()))


def _record(record: Record) -> bytes:
    head = struct.pack("!HHIH", record.kind, CLASS_IN, TTL_S, len(record.data))
    return head + record.data


def _soa() -> Record:
    numbers = struct.pack("!5I", 1, 3600, 600, 86400, 60)
    return Record(SOA, encode_name("a.root.example") + encode_name("nobody.example") + numbers)


def decode_answer(message: bytes) -> tuple[str, tuple[tuple[str, str], ...], bool]:
    """(rcode word, answer records as (type, text), truncated). Raises MalformedDnsError."""
    try:
        _, flags, questions, answers = struct.unpack_from("!4H", message)
        position = 12
        for _ in range(questions):
            position = _name(message, position)[1] + 4
        records = []
        for _ in range(answers):
            kind, start, end = _record_bounds(message, position)
            records.append((TYPE_NAMES.get(kind, f"TYPE{kind}"), _text(message, kind, start, end)))
            position = end
    except (struct.error, IndexError, ValueError) as error:
        raise MalformedDnsError(str(error)) from error
    rcode = flags & 0xF
    word = RCODES[rcode] if rcode < len(RCODES) else f"RCODE{rcode}"
    return word, tuple(records), bool(flags & TRUNCATED)


def _record_bounds(message: bytes, position: int) -> tuple[int, int, int]:
    position = _name(message, position)[1]
    kind, _, _, length = struct.unpack_from("!HHIH", message, position)
    start = position + 10
    return kind, start, start + length


def _text(message: bytes, kind: int, start: int, end: int) -> str:
    data = message[start:end]
    if kind in {A, AAAA}:
        return str(ipaddress.ip_address(data))
    if kind == CNAME:
        return _name(message, start)[0]
    if kind == TXT:
        return _strings(data).decode("ascii", "replace")
    return data.hex()


def _strings(data: bytes) -> bytes:
    parts, position = [], 0
    while position < len(data):
        end = position + 1 + data[position]
        parts.append(data[position + 1 : end])
        position = end
    return b"".join(parts)


def _name(message: bytes, position: int) -> tuple[str, int]:
    """The name at `position` and where the next field begins; follows pointers backwards only."""
    labels: list[str] = []
    after = 0
    while length := message[position]:
        if length & 0xC0 == 0xC0:
            target = (length & 0x3F) << 8 | message[position + 1]
            after = after or position + 2
            if target >= position:
                raise MalformedDnsError("pointer forwards")
            position = target
            continue
        labels.append(message[position + 1 : position + 1 + length].decode("ascii"))
        position += 1 + length
    return ".".join(labels), after or position + 1
