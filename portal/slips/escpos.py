"""PURE: the bytes that make a thermal printer print dots and cut (ESC/POS, Epson's command set).

Not the drawing and not the connection. The rules to keep: dots only, because a printer's own
letters know no å, no Arabic and no QR code; and no command that makes it beep.
"""

from dataclasses import dataclass

_RESET = b"\x1b@"
_RASTER = b"\x1dv0\x00"
"""GS v 0, normal size: then the width in bytes and the height in dots, low byte first."""
_FEED_LINES = b"\x1bd\x04"
"""ESC d 4: out from under the print head, as far as the cutter or the tear bar."""
_CUT = b"\x1dV\x42\x00"
"""GS V 66 0: cut, leaving a point uncut; printers without a cutter pass over it."""

_BAND_ROWS = 128
"""Rows a command: printers with 8 kB of buffer print the first band while the next one comes."""


@dataclass(frozen=True, slots=True, repr=False)
class Raster:
    """Rows of dots from the top: eight a byte, the leftmost in the highest bit, 1 is black.

    Raises:
        ValueError: the rows do not fit the size, or the width is no whole number of bytes.
    """

    width: int
    height: int
    rows: bytes

    def __post_init__(self) -> None:
        if self.width % 8 or len(self.rows) != self.width // 8 * self.height:
            raise ValueError(f"{len(self.rows)} bytes are not {self.width} x {self.height} dots")

    def __repr__(self) -> str:
        return f"Raster({self.width} x {self.height})"


def encode(raster: Raster) -> bytes:
    """Return what prints the dots, feeds and cuts."""
    bands = [_band(raster, first) for first in range(0, raster.height, _BAND_ROWS)]
    return b"".join((_RESET, *bands, _FEED_LINES, _CUT))


def _band(raster: Raster, first: int) -> bytes:
    row_bytes = raster.width // 8
    rows = raster.rows[first * row_bytes : (first + _BAND_ROWS) * row_bytes]
    height = len(rows) // row_bytes
    return _RASTER + row_bytes.to_bytes(2, "little") + height.to_bytes(2, "little") + rows
