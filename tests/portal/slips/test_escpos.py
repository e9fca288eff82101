"""The bytes for a thermal printer, read back by a small printer of the tests' own."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.slips.escpos import Raster, encode


class PaperError(Exception):
    """Something that a thermal printer would print as garbage, or beep at."""


def read_back(data: bytes) -> tuple[Image.Image, list[str]]:
    """Do what the commands say: return the paper, and everything done beside printing dots."""
    rows: list[bytes] = []
    done: list[str] = []
    for name, payload in commands(data):
        if name == "dots":
            rows.append(payload)
        else:
            done.append(name)
    width = len(rows[0]) * 8 if rows else 0
    paper = Image.frombytes("1", (width, len(rows)), bytes(255 - byte for byte in b"".join(rows)))
    return paper, done


def commands(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        if data[at : at + 2] == b"\x1b@":
            yield "reset", b""
            at += 2
        elif data[at : at + 4] == b"\x1dv0\x00":
            width = int.from_bytes(data[at + 4 : at + 6], "little")
            height = int.from_bytes(data[at + 6 : at + 8], "little")
            at += 8
            for _ in range(height):
                yield "dots", data[at : at + width]
                at += width
        elif data[at : at + 2] == b"\x1bd":
            yield f"feed {data[at + 2]}", b""
            at += 3
        elif data[at : at + 3] == b"\x1dVB":
            yield "cut", b""
            at += 4
        else:
            raise PaperError(data[at : at + 8])


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 400), st.randoms(use_true_random=False))
def test_every_dot_is_printed_where_it_was(width_bytes: int, height: int, random: object) -> None:
    rows = random.randbytes(width_bytes * height)  # type: ignore[attr-defined]
    paper, done = read_back(encode(Raster(width_bytes * 8, height, rows)))
    assert paper.size == (width_bytes * 8, height)
    assert paper.tobytes() == bytes(255 - byte for byte in rows)
    assert done == ["reset", "feed 4", "cut"]


def test_a_byte_is_eight_dots_from_the_left() -> None:
    paper, _ = read_back(encode(Raster(8, 1, b"\x80")))
    assert [paper.getpixel((x, 0)) for x in range(8)] == [0, *[255] * 7]


def test_printers_with_small_buffers_get_bands() -> None:
    data = encode(Raster(576, 300, bytes(72 * 300)))
    assert data.count(b"\x1dv0\x00\x48\x00") == 3


def test_dots_and_size_must_agree() -> None:
    for width, height, count in ((9, 1, 2), (8, 2, 1), (8, 1, 2)):
        with pytest.raises(ValueError, match="are not"):
            Raster(width, height, bytes(count))


def test_a_raster_does_not_show_what_it_prints() -> None:
    assert repr(Raster(8, 2, b"ab")) == "Raster(8 x 2)"
