"""What a typesetting process does: a page of slips to PDF, PDF to PDF, PDF to dots.

Not the processes (pdf.py). The rule to keep: nothing here runs in the process of a web site, and
no address is ever fetched, whatever a page says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from portal.domain.slip import PrintTarget, Slip
from portal.slips.escpos import Raster
from portal.slips.pages import Templates
from portal.slips.qr import DOTS_PER_MM
from portal.slips.sheet import Printing, sheet_of

_POINTS_PER_MM = 72 / 25.4
_BLACK_BELOW = 128


class NotInstalledError(Exception):
    """The extra, or a library of the system that it needs, is missing; the text says which."""


@dataclass(frozen=True, slots=True)
class Job:
    """One document: these slips, on this paper, from the templates in this folder."""

    templates: Path
    slips: Sequence[Slip]
    printing: Printing


def document(job: Job) -> bytes:
    """Return the PDF of a job.

    Raises:
        NotInstalledError: WeasyPrint or Pango is missing.
    """
    return typeset(sheet_of(_templates(job.templates), job.slips, job.printing).html)


def typeset(html: str) -> bytes:
    """Return the PDF of a page of ours; whatever it names outside itself is left out.

    Raises:
        NotInstalledError: WeasyPrint or Pango is missing.
    """
    try:
        from weasyprint import HTML  # noqa: PLC0415 - an extra
        from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except (ImportError, OSError) as problem:
        raise NotInstalledError(str(problem)) from None
    nothing = URLFetcher(allowed_protocols=())
    made: bytes = HTML(string=html, url_fetcher=nothing).write_pdf()
    return made


def join(parts: Sequence[bytes]) -> bytes:
    """Return one PDF with the pages of all, in order.

    Raises:
        NotInstalledError: pypdf is missing.
    """
    try:
        from pypdf import PdfWriter  # noqa: PLC0415 - an extra
    except ImportError as problem:
        raise NotInstalledError(str(problem)) from None
    writer = PdfWriter()
    for part in parts:
        writer.append(BytesIO(part), import_outline=False)
    whole = BytesIO()
    writer.write(whole)
    return whole.getvalue()


def dots(job: Job) -> Raster:
    """Return the first page of a job as a thermal printer prints it, without the rest of the paper.

    Raises:
        NotInstalledError: WeasyPrint, PDFium or Pillow is missing.
    """
    try:
        import PIL.ImageOps  # noqa: PLC0415 - an extra
        import pypdfium2  # noqa: PLC0415
    except ImportError as problem:
        raise NotInstalledError(str(problem)) from None
    page = pypdfium2.PdfDocument(document(job))[0]
    drawn = page.render(scale=DOTS_PER_MM / _POINTS_PER_MM, grayscale=True).to_pil()
    ink = PIL.ImageOps.invert(drawn).point(lambda level: 255 * (level > 255 - _BLACK_BELOW))
    width = _width(job.printing.target)
    left = (ink.width - width) // 2
    _, _, _, bottom = ink.getbbox() or (0, 0, 0, 1)
    strip = ink.crop((left, 0, left + width, bottom)).convert("1")
    return Raster(strip.width, strip.height, strip.tobytes())


def _width(target: PrintTarget) -> int:
    if target.dots is None:
        raise ValueError(f"{target.name} is no roll")
    return target.dots


@lru_cache(maxsize=1)
def _templates(folder: Path) -> Templates:
    return Templates(folder)
