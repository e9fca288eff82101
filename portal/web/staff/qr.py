"""A QR code as an SVG element inside a page: no image to fetch, no style attribute.

The rule to keep: what it says stands beside it as text too, for who cannot use a camera.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import qrcode
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_M

_QUIET_ZONE = 4
"""Modules (ISO/IEC 18004)."""


def qr_svg(text: str, label: str) -> Markup:
    """Return the element; black on white, whatever the page's colours."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    return Markup(
        '<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{label}">'
        '<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).format(side=len(rows), label=label, path="".join(_runs(rows)))


def _runs(rows: Sequence[Sequence[bool]]) -> Iterator[str]:
    """Yield one rectangle for each run of black modules in a row."""
    for y, row in enumerate(rows):
        for black, run in groupby(enumerate(row), key=lambda module: bool(module[1])):
            columns = [x for x, _ in run]
            if black:
                yield f"M{columns[0]} {y}h{len(columns)}v1h-{len(columns)}z"
