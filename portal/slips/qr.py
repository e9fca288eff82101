"""PURE: QR codes: what stands in them, and their drawing as one SVG path.

Not a layout. The rules to keep: error correction M, a quiet zone of four modules, black on white,
nothing inside; an address in upper case, which takes two thirds of the room (ISO/IEC 18004, 7.4.4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import QRData

from portal.domain.slip import Network, PrintTarget

QUIET_MODULES = 4
LEAST_MODULE_MM = 0.5
DOTS_PER_MM = 8
"""Thermal printers: 203 dpi."""
_STEP_MM = 0.5

_ESCAPED = str.maketrans({char: f"\\{char}" for char in '\\;,":'})

_Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class QrPicture:
    """A drawn QR code: ``modules`` a side, quiet zone included, and the SVG path of the black.

    ``path`` is for a view box of ``modules`` units.
    """

    modules: int
    path: str


@dataclass(frozen=True, slots=True)
class SizedQr:
    """A QR code as it is printed: ``side_mm`` includes the quiet zone."""

    picture: QrPicture
    side_mm: float

    @property
    def module_mm(self) -> float:
        """How large one module is."""
        return self.side_mm / self.picture.modules


def wifi_text(network: Network) -> str:
    """Return what makes a phone offer to join the network (ZXing's format, read by all of them)."""
    fields = [f"T:{network.security.value}", f"S:{_escape(network.name)}"]
    if network.password is not None:
        fields.append(f"P:{_escape(network.password.reveal())}")
    if network.hidden:
        fields.append("H:true")
    return "WIFI:" + ";".join(fields) + ";;"


def login_text(url: str) -> str:
    """Return the address in upper case: our host and paths are read in both cases."""
    return url.upper()


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)


@lru_cache(maxsize=64)
def draw(text: str) -> QrPicture:
    """Draw a text. The last ones are kept: a sheet's slips share the code that joins the Wi-Fi."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(QRData(text), optimize=0)
    code.make(fit=True)
    rows = code.get_matrix()
    return QrPicture(len(rows) + 2 * QUIET_MODULES, _outline(rows))


def sized(picture: QrPicture, target: PrintTarget) -> SizedQr:
    """Return the size on a paper: the paper's own, and 0.5 mm a module where there is room.

    On a thermal printer a module is a whole number of dots, so that none is wider than another.
    """
    if target.dots is not None:
        return SizedQr(picture, _whole_dots(picture, target))
    wanted = max(target.qr_mm, picture.modules * LEAST_MODULE_MM)
    side = -(-wanted // _STEP_MM) * _STEP_MM
    return SizedQr(picture, min(side, target.largest_qr_mm))


def _whole_dots(picture: QrPicture, target: PrintTarget) -> float:
    least = max(target.qr_mm / picture.modules, LEAST_MODULE_MM) * DOTS_PER_MM
    most = int(target.largest_qr_mm * DOTS_PER_MM / picture.modules)
    return min(-int(-least // 1), most) * picture.modules / DOTS_PER_MM


def _outline(rows: Sequence[Sequence[bool]]) -> str:
    """Return the borders of the black areas as closed lines.

    Not a square a module: the hairlines between squares are white in some PDF viewers.
    """
    after = _edges(rows)
    loops = []
    while after:
        start = next(iter(after))
        loops.append(_loop(start, after))
    return "".join(loops)


def _edges(rows: Sequence[Sequence[bool]]) -> dict[_Point, list[_Point]]:
    """Return each border's end by its start; the black is always on its right."""
    after: dict[_Point, list[_Point]] = {}
    for start, end in _all_edges(rows):
        after.setdefault(start, []).append(end)
    return after


def _all_edges(rows: Sequence[Sequence[bool]]) -> Iterator[tuple[_Point, _Point]]:
    size = len(rows)

    def black(x: int, y: int) -> bool:
        return 0 <= x < size and 0 <= y < size and rows[y][x]

    for y in range(size):
        for x in range(size):
            if not rows[y][x]:
                continue
            if not black(x, y - 1):
                yield (x, y), (x + 1, y)
            if not black(x + 1, y):
                yield (x + 1, y), (x + 1, y + 1)
            if not black(x, y + 1):
                yield (x + 1, y + 1), (x, y + 1)
            if not black(x - 1, y):
                yield (x, y + 1), (x, y)


def _loop(start: _Point, after: dict[_Point, list[_Point]]) -> str:
    """Walk one closed line and take its edges away; straight stretches become one step."""
    corners: list[_Point] = [start]
    here = start
    while True:
        ends = after[here]
        there = ends.pop()
        if not ends:
            del after[here]
        if len(corners) > 1 and _is_straight(corners[-2], here, there):
            corners[-1] = there
        else:
            corners.append(there)
        here = there
        if here == start:
            return _written(corners)


def _is_straight(first: _Point, second: _Point, third: _Point) -> bool:
    return first[0] == second[0] == third[0] or first[1] == second[1] == third[1]


def _written(corners: Sequence[_Point]) -> str:
    x, y = corners[0]
    steps = [f"M{x + QUIET_MODULES} {y + QUIET_MODULES}"]
    for nx, ny in corners[1:-1]:
        steps.append(f"h{nx - x}" if ny == y else f"v{ny - y}")
        x, y = nx, ny
    return "".join(steps) + "z"
