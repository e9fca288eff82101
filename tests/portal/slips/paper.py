"""Slips to test with, and what looks at the printed ones: poppler draws, ZXing and zbar read."""

import itertools
import re
import subprocess
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import zxingcpp
from PIL import Image

from portal.domain.identity import Secret
from portal.domain.slip import FixedEnd, Length, Network, PrintTarget, Security, Slip
from portal.slips import TEXTS
from portal.slips.pages import Templates
from portal.slips.sheet import Printing, sheet_of
from portal.slips.typesetting import Job, document
from portal.web.templating import find_templates
from portal.web.texts import Language, load_languages

POINTS_PER_MM = 72 / 25.4

FOLDER = find_templates() / "slips"
TEMPLATES = Templates(FOLDER)
SV, EN = load_languages(TEXTS)
AR = Language(
    "ar", "rtl", "العربية", tomllib.loads((Path(__file__).parent / "ar.toml").read_text("utf-8"))
)

TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWX23"
SLIP = Slip(
    library="Umeå stadsbibliotek",
    network=Network("Bibliotek-gast"),
    code=Secret("408 512 7730"),
    login_url=Secret(f"https://wifi.umea.se/v/{TOKEN}"),
    short_address="wifi.umea.se",
    validity=Length(timedelta(hours=4), date(2026, 12, 31)),
    devices=1,
    serial="A-0412",
)
LONGEST = replace(
    SLIP,
    library="Stadsbiblioteket i Örnsköldsvik",
    network=Network("Örnsköldsviks kommun, gästnät 24", Security.WPA, Secret('väl;kom"men\\27:')),
    login_url=Secret(f"https://wifi.bibliotek.ornskoldsvik.se/v/{TOKEN}"),
    short_address="wifi.ornskoldsvik.se",
    validity=FixedEnd(datetime(2026, 12, 30, 16, 30, tzinfo=UTC)),
    devices=15,
    serial="AB-0999",
)
WORDIEST = replace(
    LONGEST, validity=Length(timedelta(weeks=1), date(2026, 12, 31)), devices=15, serial="AB-0999"
)
LOGIN = f"HTTPS://WIFI.UMEA.SE/V/{TOKEN}"
JOIN = "WIFI:T:nopass;S:Bibliotek-gast;;"


def many(count: int, slip: Slip = SLIP) -> list[Slip]:
    """Return slips that differ in what may not be mixed up."""
    return [
        replace(
            slip,
            code=Secret(f"408 512 {number:04}"),
            login_url=Secret(f"https://wifi.umea.se/v/{number:026}"),
            serial=f"A-{number:04}",
        )
        for number in range(count)
    ]


def html_of(slips: list[Slip], target: PrintTarget, language: Language = SV) -> str:
    return sheet_of(TEMPLATES, slips, _printing(target, language)).html


def pdf_of(slips: list[Slip], target: PrintTarget, language: Language = SV) -> bytes:
    return document(Job(FOLDER, slips, _printing(target, language)))


def _printing(target: PrintTarget, language: Language) -> Printing:
    return Printing(target, language, SV if language is EN else EN)


def drawn(pdf: bytes, folder: Path, dpi: int) -> list[Image.Image]:
    """Return the pages in grey, drawn by poppler."""
    (folder / "slips.pdf").write_bytes(pdf)
    for old in folder.glob("page*.png"):
        old.unlink()
    command = ["pdftoppm", "-gray", "-png", "-r", str(dpi), "slips.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True)
    pages = []
    for path in sorted(folder.glob("page*.png")):
        with Image.open(path) as page:
            pages.append(page.copy())
    return pages


def text_of(pdf: bytes, folder: Path) -> str:
    """Return the text in the order in which it is read, by poppler."""
    (folder / "slips.pdf").write_bytes(pdf)
    command = ["pdftotext", "-enc", "UTF-8", "slips.pdf", "-"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def fonts_of(pdf: bytes, folder: Path) -> list[str]:
    (folder / "slips.pdf").write_bytes(pdf)
    command = ["pdffonts", "slips.pdf"]
    answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return answer.stdout.splitlines()


@dataclass(frozen=True)
class Box:
    """A part of a page in mm from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    text: str = ""

    def is_in(self, other: "Box") -> bool:
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom

    def centre_is_in(self, other: "Box") -> bool:
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        return other.left <= x <= other.right and other.top <= y <= other.bottom

    def touches(self, other: "Box") -> bool:
        """Say whether two parts overlap by more than a font allows between close lines."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.2 and down > 0.4


def _letters(box: Box) -> Box:
    """Return where the ink is: a font's box has room for accents above and below."""
    room = (0.08 if box.text.isascii() or max(box.text) < "\u0600" else 0.2) * (
        box.bottom - box.top
    )
    return replace(box, top=box.top + room, bottom=box.bottom - room)


def words_of(pdf: bytes, folder: Path) -> list[Box]:
    """Return the words of the first page, clipped ones too, and where they stand."""
    (folder / "slips.pdf").write_bytes(pdf)
    command = ["pdftotext", "-bbox", "-enc", "UTF-8", "-l", "1", "slips.pdf", "-"]
    answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    sides = r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"'
    found = re.findall(rf"<word {sides}>([^<]*)</word>", answer.stdout)
    boxes = [Box(*(float(side) / POINTS_PER_MM for side in box), text) for *box, text in found]
    return [_letters(box) for box in boxes]


def crossing(words: list[Box]) -> list[tuple[str, str]]:
    pairs = itertools.combinations(words, 2)
    return [(one.text, other.text) for one, other in pairs if one.touches(other)]


def area_of(target: PrintTarget, number: int) -> Box:
    """Return where a slip is cut out; on papers of one slip, the paper without 2 mm of margin."""
    if target.slip_mm is None:
        return Box(2, 1, target.page_mm[0] - 2, target.page_mm[1] - 1)
    width, height = target.slip_mm
    left = (target.page_mm[0] - target.columns * width) / 2 + number % target.columns * width
    top = (target.page_mm[1] - target.rows * height) / 2 + number // target.columns * height
    return Box(left + 1, top + 1, left + width - 1, top + height - 1)


def cut_out(page: Image.Image, target: PrintTarget) -> list[Image.Image]:
    """Return the slips of a page, each as a camera sees it."""
    dots_per_mm = page.width / target.page_mm[0]
    areas = [area_of(target, number) for number in range(target.slips_per_page)]
    boxes = [(area.left - 1, area.top - 1, area.right + 1, area.bottom + 1) for area in areas]
    return [page.crop(tuple(int(side * dots_per_mm) for side in box)) for box in boxes]  # type: ignore[arg-type]


def black_of(target: PrintTarget, language: Language, area: Box, end: float, quiet: float) -> Box:
    """Return where the modules of a small slip's QR code are, without the quiet zone."""
    inset, top = (0.5, 4.2) if target.name == "a4" else (3.5, 6.2)
    left, right = area.left - 1 + inset + quiet, area.left - 1 + inset + end
    if language.direction == "rtl":
        left, right = area.right + 1 - inset - end, area.right + 1 - inset - quiet
    return Box(left, area.top - 1 + top + quiet, right, area.top - 1 + top + end)


def has_ink(page: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return page.crop(box).convert("L").getextrema()[0] < 160


def decoded(image: Image.Image) -> list[str]:
    """Return what ZXing reads in every QR code of an image, sorted."""
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return sorted(code.text for code in found)


def decoded_by_zbar(images: list[Image.Image], folder: Path) -> list[str]:
    """Return what zbar reads in these images, sorted; it wants few codes in each, and ASCII."""
    paths = [folder / f"code-{number}.png" for number in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", *map(str, paths)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    return sorted(answer.stdout.splitlines())


def halved(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR)
