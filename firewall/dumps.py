"""Whole sets as the kernel dumps them, read fast: elements of one make share one layout.

Not a second grammar: the first element of each length is read by elements.py, the others by a
pattern made of it, and whatever does not fit the pattern goes back to elements.py. Pure.
"""

import struct
import sys
from collections.abc import Iterable

from firewall.elements import Element, decode_element
from firewall.netlink import MalformedError, Message, decode_attributes, iterate_attributes

_HEADER = struct.Struct("=HH")
_NESTED_PATHS: dict[str, tuple[int, ...]] = {
    "key": (1, 1),
    "mark": (2, 1),
    "timeout_ms": (4,),
    "remaining_ms": (5,),
    "packets": (7, 2, 2),
    "octets": (7, 2, 1),
}


def decode_dump(messages: Iterable[Message]) -> dict[bytes, Element]:
    """Read all elements of a dump, by key.

    Raises:
        MalformedError: the messages are not about elements.
    """
    layouts: dict[int, _Layout] = {}
    found: dict[bytes, Element] = {}
    for message in messages:
        attributes = decode_attributes(message.payload[4:])
        for _, item in iterate_attributes(attributes.get(3, b"")):
            layout = layouts.get(len(item))
            if layout is None:
                layout = layouts[len(item)] = _Layout(item)
            element = layout.read(item)
            found[element.key] = element
    return found


class _Layout:
    """Where the values stand in an element, and what stands between them."""

    def __init__(self, exemplar: bytes) -> None:
        spans = []
        for name, path in _NESTED_PATHS.items():
            span = _locate(exemplar, path)
            if span is not None:
                spans.append((*span, name))
        spans.sort()
        pattern, at = ">", 0
        for start, end, name in spans:
            number = end - start == 8 and name not in ("key", "mark")
            pattern += f"{start - at}s" + ("Q" if number else f"{end - start}s")
            at = end
        self._struct = struct.Struct(pattern + f"{len(exemplar) - at}s")
        self._between = self._struct.unpack(exemplar)[::2]
        names = [name for _, _, name in spans]
        # values a layout lacks are taken from behind the last field
        nothing, zero = len(names), len(names) + 1
        order = [
            names.index(name) if name in names else (nothing if name == "mark" else zero)
            for name in _NESTED_PATHS
        ]
        self._key, self._mark, *self._numbers = order
        whole = decode_element(exemplar)
        self._fits = True
        self._fits = self.read(exemplar) == whole

    def read(self, item: bytes) -> Element:
        """Read an element as long as the exemplar."""
        fields = self._struct.unpack(item)
        if not self._fits or fields[::2] != self._between:
            return decode_element(item)
        values = (*fields[1::2], None, 0)
        mark = values[self._mark]
        timeout_ms, remaining_ms, packets, octets = self._numbers
        return Element(
            values[self._key],
            None if mark is None else int.from_bytes(mark, sys.byteorder),
            values[timeout_ms],
            values[remaining_ms],
            values[packets],
            values[octets],
        )


def _locate(data: bytes, path: tuple[int, ...]) -> tuple[int, int] | None:
    """Return where an attribute's value begins and ends, None when it is not there."""
    begin, end = 0, len(data)
    for wanted in path:
        span = _locate_one(data, begin, end, wanted)
        if span is None:
            return None
        begin, end = span
    return begin, end


def _locate_one(data: bytes, begin: int, end: int, wanted: int) -> tuple[int, int] | None:
    at = begin
    while at < end:
        if end - at < _HEADER.size:
            raise MalformedError("attribute cut short")
        length, kind = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= end - at:
            raise MalformedError("attribute longer than its message")
        if kind & 0x3FFF == wanted:
            return at + _HEADER.size, at + length
        at += length + -length % 4
    return None
