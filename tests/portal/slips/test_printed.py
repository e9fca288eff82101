"""Every paper as it comes out of WeasyPrint, looked at by poppler and read by zbar."""

from pathlib import Path

import pytest

from portal.domain.slip import (
    A4_SLIPS,
    A6,
    LABELS,
    ROLL_58,
    ROLL_80,
    TARGETS,
    Layout,
    PrintTarget,
    Slip,
)
from portal.slips.qr import DOTS_PER_MM, QUIET_MODULES, draw, sized, wifi_text
from portal.web.texts import Language
from tests.portal.slips.paper import (
    AR,
    EN,
    JOIN,
    LONGEST,
    POINTS_PER_MM,
    SLIP,
    SV,
    TOKEN,
    WORDIEST,
    area_of,
    black_of,
    crossing,
    cut_out,
    decoded,
    decoded_by_zbar,
    drawn,
    fonts_of,
    halved,
    has_ink,
    many,
    pdf_of,
    text_of,
    words_of,
)

PAPERS = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
LANGUAGES = pytest.mark.parametrize("language", [SV, EN, AR], ids=lambda language: language.tag)


READ_WHERE = [
    pytest.param(language, dpi, id=f"{language.tag}-{dpi}", marks=marks)
    for language, dpi, marks in (
        (SV, 203, ()),
        (AR, 300, ()),  # from right to left
        *((language, 203, pytest.mark.proof) for language in (EN, AR)),
        *((language, 300, pytest.mark.proof) for language in (SV, EN)),
    )
]


def expected(target: PrintTarget, count: int) -> list[str]:
    logins = [f"HTTPS://WIFI.UMEA.SE/V/{number:026}" for number in range(count)]
    return sorted([JOIN] * count + (logins if target.layout is Layout.FULL else []))


@PAPERS
@pytest.mark.parametrize(("language", "dpi"), READ_WHERE)
def test_every_code_can_be_read_also_at_half_the_size(
    target: PrintTarget, language: Language, dpi: int, tmp_path: Path
) -> None:
    count = target.slips_per_page
    (page,) = drawn(pdf_of(many(count), target, language), tmp_path, dpi)
    assert decoded(page) == expected(target, count)
    assert decoded(halved(page)) == expected(target, count)
    cuts = cut_out(page, target)
    assert decoded_by_zbar(cuts, tmp_path) == expected(target, count)
    assert decoded_by_zbar([halved(cut) for cut in cuts], tmp_path) == expected(target, count)


@PAPERS
def test_the_longest_names_and_a_password_can_be_read_too(
    target: PrintTarget, tmp_path: Path
) -> None:
    (page,) = drawn(pdf_of([LONGEST], target), tmp_path, 203)
    join = r"WIFI:T:WPA;S:Örnsköldsviks kommun\, gästnät 24;P:väl\;kom\"men\\27\:;;"
    login = f"HTTPS://WIFI.BIBLIOTEK.ORNSKOLDSVIK.SE/V/{TOKEN}"
    both = [join, login] if target.layout is Layout.FULL else [join]
    assert decoded(page) == sorted(both)
    assert decoded(halved(page)) == sorted(both)


@PAPERS
def test_the_page_has_the_size_of_the_paper_and_is_one(target: PrintTarget, tmp_path: Path) -> None:
    pages = drawn(pdf_of(many(target.slips_per_page + 1), target), tmp_path, 203)
    assert len(pages) == 2
    for side, mm in zip(pages[0].size, target.page_mm, strict=True):
        assert abs(side / DOTS_PER_MM - mm) <= 0.25


@PAPERS
@LANGUAGES
@pytest.mark.parametrize("slip", [SLIP, LONGEST, WORDIEST], ids=["usual", "longest", "wordiest"])
def test_every_word_is_on_its_slip_and_covers_nothing(
    target: PrintTarget, language: Language, slip: Slip, tmp_path: Path
) -> None:
    count = target.slips_per_page
    words = words_of(pdf_of([slip] * count, target, language), tmp_path)
    code = sized(draw(wifi_text(slip.network)), target)
    for number in range(count):
        area = area_of(target, number)
        own = [word for word in words if word.centre_is_in(area)]
        assert own
        assert [word.text for word in own if not word.is_in(area)] == []
        assert crossing(own) == []
        if target.layout is Layout.COMPACT:
            quiet = code.module_mm * QUIET_MODULES
            black = black_of(target, language, area, code.side_mm - quiet, quiet)
            assert [word.text for word in own if word.touches(black)] == []
    assert all(
        any(word.centre_is_in(area_of(target, number)) for number in range(count)) for word in words
    )


@PAPERS
def test_the_typed_code_is_large(target: PrintTarget, tmp_path: Path) -> None:
    """18 pt, on small slips 16: a word's box has nine tenths of its size."""
    words = words_of(pdf_of([SLIP], target), tmp_path)
    heights = [word.bottom - word.top for word in words if word.text in {"408", "512", "7730"}]
    points = 18 if target.layout is Layout.FULL else 16
    assert len(heights) in {1, 3}
    assert min(heights) >= points * 0.75 / POINTS_PER_MM


def test_the_sheet_is_cut_where_the_slips_end(tmp_path: Path) -> None:
    """The dashed lines stand every 63 and 33 mm, from 10.5 and 16.5 mm on."""
    (page,) = drawn(pdf_of(many(24), A4_SLIPS), tmp_path, 254)  # ten dots a mm
    for x in (105, 735, 1365, 1995):
        assert has_ink(page, (x - 5, 170, x + 5, 2800))
    for y in (165, 495, 825, 1155, 1485, 1815, 2145, 2475, 2805):
        assert has_ink(page, (110, y - 5, 1990, y + 5))
    assert not has_ink(page, (0, 0, 100, page.height))
    assert not has_ink(page, (0, 2815, page.width, page.height))


def test_labels_have_no_lines_and_stay_clear_of_their_edges(tmp_path: Path) -> None:
    (page,) = drawn(pdf_of(many(24), LABELS), tmp_path, 254)
    for x in (700, 1400):
        assert not has_ink(page, (x - 25, 0, x + 25, page.height))
    for row in range(9):
        y = 5 + 370 * row
        assert not has_ink(page, (0, max(y - 25, 0), page.width, min(y + 25, page.height)))


def test_arabic_is_joined_and_runs_from_right_to_left(tmp_path: Path) -> None:
    pdf = pdf_of([SLIP], A6, AR)
    text = text_of(pdf, tmp_path)
    assert "wifi.umea.se" in text
    title = [word for word in words_of(pdf, tmp_path) if word.top < 20]
    library = min(title, key=lambda word: word.left)
    assert library.text in {"Umeå", "stadsbibliotek"}
    assert any("NotoSansArabic" in line or "Arabic" in line for line in fonts_of(pdf, tmp_path))
    # joined letters are other glyphs than the letters alone: the text layer is read back whole
    assert "الشبكة" in text


@pytest.mark.parametrize("target", [A6, ROLL_80, ROLL_58], ids=lambda target: target.name)
def test_the_second_language_is_there_in_small_print(target: PrintTarget, tmp_path: Path) -> None:
    text = " ".join(text_of(pdf_of([SLIP], target), tmp_path).split())
    assert "Skriv koden på sidan som öppnas" in text
    assert "Enter the code on the page that opens" in text
    assert text.count("A-0412") == 1
