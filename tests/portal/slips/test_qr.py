import math
import re

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from portal.domain.identity import Secret
from portal.domain.slip import (
    A4_SLIPS,
    A6,
    ROLL_58,
    ROLL_80,
    TARGETS,
    Network,
    PrintTarget,
    Security,
)
from portal.slips.qr import (
    DOTS_PER_MM,
    LEAST_MODULE_MM,
    QUIET_MODULES,
    QrPicture,
    draw,
    login_text,
    sized,
    wifi_text,
)
from tests.portal.slips.paper import TOKEN

SCALE = 6
_STEP = re.compile(r"([hv])(-?\d+)")


def painted(picture: QrPicture) -> Image.Image:
    """Fill the path as SVG does: in each row of modules, every upright line turns the colour."""
    image = Image.new("L", (picture.modules * SCALE, picture.modules * SCALE), 255)
    pen = ImageDraw.Draw(image)
    for row, lines in enumerate(upright_lines(picture)):
        for left, right in zip(sorted(lines)[::2], sorted(lines)[1::2], strict=True):
            box = (left * SCALE, row * SCALE, right * SCALE - 1, row * SCALE + SCALE - 1)
            pen.rectangle(box, fill=0)
    return image


def upright_lines(picture: QrPicture) -> list[list[int]]:
    """Return where upright lines stand, by row."""
    rows: list[list[int]] = [[] for _ in range(picture.modules)]
    for loop in picture.path.split("z")[:-1]:
        start, steps = re.match(r"M(\d+) (\d+)", loop), _STEP.findall(loop)
        assert start
        x, y = first_x, first_y = int(start[1]), int(start[2])
        for way, length in [*steps, ("h", "0")]:
            if way == "v":
                for row in range(*sorted((y, y + int(length)))):
                    rows[row].append(x)
                y += int(length)
            else:
                x += int(length)
        if x == first_x:  # "z" goes back to the beginning
            for row in range(*sorted((y, first_y))):
                rows[row].append(x)
    return rows


def read(text: str) -> str:
    (found,) = zxingcpp.read_barcodes(painted(draw(text)))
    return found.text


def test_an_open_network() -> None:
    assert wifi_text(Network("Bibliotek-gast")) == "WIFI:T:nopass;S:Bibliotek-gast;;"


def test_a_network_with_a_password_and_a_hidden_one() -> None:
    password = Secret("hemligt1")
    network = Network("gast", Security.WPA, password)
    assert wifi_text(network) == "WIFI:T:WPA;S:gast;P:hemligt1;;"
    hidden = Network("gast", Security.WPA, password, hidden=True)
    assert wifi_text(hidden) == "WIFI:T:WPA;S:gast;P:hemligt1;H:true;;"


def test_five_characters_are_escaped_and_no_other() -> None:
    network = Network('a\\b;c,d"e:f', Security.WPA, Secret("ö 'x|"))
    assert wifi_text(network) == r"WIFI:T:WPA;S:a\\b\;c\,d\"e\:f;P:ö " + "'x|;;"


def test_an_address_is_in_upper_case_and_needs_a_third_less_room() -> None:
    url = f"https://wifi.umea.se/v/{TOKEN.lower()}"
    assert login_text(url) == f"HTTPS://WIFI.UMEA.SE/V/{TOKEN}"
    assert draw(login_text(url)).modules - 2 * QUIET_MODULES == 29  # version 3
    assert draw(url).modules - 2 * QUIET_MODULES == 33  # version 4


@settings(max_examples=25)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=32))
def test_whatever_stands_in_it_is_read_back(name: str) -> None:
    assert read(wifi_text(Network(name))) == wifi_text(Network(name))


def test_the_quiet_zone_is_empty() -> None:
    picture = draw("HTTPS://WIFI.UMEA.SE")
    image = painted(picture)
    inner = (QUIET_MODULES * SCALE, (picture.modules - QUIET_MODULES) * SCALE)
    black = image.point(lambda level: 255 - level).getbbox()
    assert black == (inner[0], inner[0], inner[1], inner[1])


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_what_slips_hold_is_large_enough(target: PrintTarget) -> None:
    long = Network("A library's guest network (free)", Security.WPA, Secret("sixteen letters."))
    for text in (
        wifi_text(Network("Bibliotek-gast")),
        login_text(f"https://wifi.umea.se/v/{TOKEN}"),
    ):
        code = sized(draw(text), target)
        assert 24 <= code.side_mm <= target.largest_qr_mm
        assert code.module_mm >= LEAST_MODULE_MM
    much = sized(draw(wifi_text(long)), target)
    assert 24 <= much.side_mm <= target.largest_qr_mm
    assert much.module_mm >= 0.49


def test_a_full_code_grows_where_there_is_room() -> None:
    much = draw("A" * 200)
    assert much.modules * LEAST_MODULE_MM > 24.5
    assert sized(much, A6).module_mm >= LEAST_MODULE_MM
    assert sized(much, A4_SLIPS).side_mm == A4_SLIPS.largest_qr_mm


@pytest.mark.parametrize("target", [ROLL_80, ROLL_58], ids=["roll80", "roll58"])
@pytest.mark.parametrize("length", [10, 40, 80, 120, 160, 200])
def test_a_thermal_printers_modules_are_whole_dots(target: PrintTarget, length: int) -> None:
    code = sized(draw("A" * length), target)
    dots = code.module_mm * DOTS_PER_MM
    assert math.isclose(dots, round(dots))
    assert dots >= 4
    assert code.side_mm <= target.largest_qr_mm


def test_a_sheets_slips_share_the_drawing() -> None:
    assert draw("WIFI:T:nopass;S:x;;") is draw("WIFI:T:nopass;S:x;;")
