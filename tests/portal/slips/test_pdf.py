"""PDFs from the pool of processes, and slips as dots for a thermal printer."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from portal.domain.identity import Secret
from portal.domain.slip import A4_SLIPS, A6, ROLL_58, ROLL_80, Network, PrintTarget, Security
from portal.slips import pdf
from portal.slips.escpos import encode
from portal.slips.pdf import MOST_SLIPS, NoPdf, PdfMaker
from portal.slips.sheet import Printing
from portal.web.texts import Language
from tests.portal.slips.paper import AR, EN, FOLDER, JOIN, LOGIN, SLIP, SV, decoded, drawn, many
from tests.portal.slips.paper import text_of as text_in
from tests.portal.slips.test_escpos import read_back


async def test_a_batch_comes_in_order_and_tells_how_far_it_is(
    maker: PdfMaker, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    made = await maker.make(many(250), Printing(A4_SLIPS, SV), lambda *far: told.append(far))
    assert isinstance(made, bytes)
    assert told == [(4, 11), (8, 11), (11, 11)]
    text = text_in(made, tmp_path)
    found = [text.index(f"A-{number:04}") for number in (0, 95, 96, 191, 192, 249)]
    assert found == sorted(found)
    assert len(drawn(made, tmp_path, 20)) == 11


async def test_a_single_slip_needs_no_joining(maker: PdfMaker, tmp_path: Path) -> None:
    made = await maker.make([SLIP], Printing(A6, SV, EN))
    assert isinstance(made, bytes)
    (page,) = drawn(made, tmp_path, 203)
    assert decoded(page) == sorted([JOIN, LOGIN])


async def test_more_than_a_batch_is_refused(maker: PdfMaker) -> None:
    slips = [SLIP] * (MOST_SLIPS + 1)
    assert await maker.make(slips, Printing(A4_SLIPS, SV)) is NoPdf.TOO_MANY


async def test_patience_ends_and_the_next_one_is_made_all_the_same() -> None:
    with PdfMaker(FOLDER, workers=1, patience_s=0.01) as hasty:
        assert await hasty.make([SLIP], Printing(A6, SV)) is NoPdf.TOO_SLOW
        hasty._patience_s = 60
        assert isinstance(await hasty.make([SLIP], Printing(A6, SV)), bytes)


async def test_a_killed_process_is_an_answer_and_another_takes_its_place() -> None:
    with PdfMaker(FOLDER, workers=1) as made:
        assert isinstance(await made.make([SLIP], Printing(A6, SV)), bytes)
        assert made._pool is not None
        for pid in list(made._pool._processes):
            os.kill(pid, signal.SIGKILL)
        assert await made.make([SLIP], Printing(A6, SV)) is NoPdf.FAILED
        assert isinstance(await made.make([SLIP], Printing(A6, SV)), bytes)


@pytest.mark.parametrize(
    ("missing", "target"), [("weasyprint", A6), ("pypdfium2", ROLL_80), ("pypdf", A6)]
)
async def test_without_the_extra_there_is_a_plain_answer(
    missing: str, target: PrintTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes look for modules where the one that starts them does."""
    (tmp_path / f"{missing}.py").write_text("raise ImportError('cannot load libpango-1.0-0')")
    monkeypatch.syspath_prepend(tmp_path)
    printing = Printing(target, SV)
    with PdfMaker(FOLDER, workers=1) as made:
        if missing == "pypdfium2":
            assert await made.dots(SLIP, printing) is NoPdf.NOT_INSTALLED
        else:
            assert await made.make(many(26), printing) is NoPdf.NOT_INSTALLED


async def test_processes_are_renewed_when_they_have_done_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf, "_DOCUMENTS_A_POOL", 2)
    with PdfMaker(FOLDER, workers=1) as made:
        await made.make([SLIP], Printing(A6, SV))
        assert made._pool is not None
        both = [made.make([SLIP], Printing(A6, SV)) for _ in range(2)]
        assert all(isinstance(one, bytes) for one in await asyncio.gather(*both))
        assert made._pool is None
        assert isinstance(await made.make([SLIP], Printing(A6, SV)), bytes)


async def test_no_address_is_fetched(tmp_path: Path) -> None:
    """A template that asks for a file and for the network gets neither."""
    for source in FOLDER.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    secret = tmp_path / "secret.txt"
    secret.write_text("do not print this")
    base = (tmp_path / "base.html").read_text("utf-8")
    asked = (
        f'<img src="file://{secret}" alt="no file"><img src="http://127.0.0.1:9/x" alt="no net">'
    )
    (tmp_path / "base.html").write_text(base.replace("<body>", f"<body>{asked}"), "utf-8")
    with PdfMaker(tmp_path, workers=1) as maker:
        made = await maker.make([SLIP], Printing(A6, SV))
    assert isinstance(made, bytes)
    text = text_in(made, tmp_path)
    assert "no file" in text
    assert "no net" in text


@pytest.mark.parametrize("target", [ROLL_80, ROLL_58], ids=["roll80", "roll58"])
@pytest.mark.parametrize("language", [SV, EN, AR], ids=lambda language: language.tag)
async def test_a_thermal_printer_gets_dots_that_can_be_read(
    maker: PdfMaker, target: PrintTarget, language: Language
) -> None:
    second = SV if language is EN else EN
    raster = await maker.dots(SLIP, Printing(target, language, second))
    assert not isinstance(raster, NoPdf)
    assert raster.width == target.dots
    paper, done = read_back(encode(raster))
    assert done == ["reset", "feed 4", "cut"]
    assert decoded(paper.convert("L")) == sorted([JOIN, LOGIN])
    small = paper.convert("L").resize((paper.width // 2, paper.height // 2))
    assert decoded(small) == sorted([JOIN, LOGIN])
    assert target.page_mm[1] * 8 * 0.6 < raster.height < target.page_mm[1] * 8


@pytest.mark.parametrize("target", [ROLL_80, ROLL_58], ids=["roll80", "roll58"])
async def test_no_module_of_a_thermal_code_is_wider_than_another(
    maker: PdfMaker, target: PrintTarget
) -> None:
    slip = replace(SLIP, network=Network("gast", Security.WPA, Secret("hemligt lösenord")))
    raster = await maker.dots(slip, Printing(target, SV))
    assert not isinstance(raster, NoPdf)
    paper, _ = read_back(encode(raster))
    (code, *_) = sorted(finders(paper), key=lambda corner: corner[1])
    x, y = code
    runs = []
    colour, length = paper.getpixel((x, y)), 0
    while len(runs) < 3:  # the outer ring of a finder: 1 black, 1 white, 3 black, along its middle
        if paper.getpixel((x, y)) == colour:
            length += 1
        else:
            runs.append(length)
            colour, length = paper.getpixel((x, y)), 1
        x += 1
    assert runs[0] == runs[1]
    assert runs[2] == 3 * runs[0]


def finders(paper: Image.Image) -> list[tuple[int, int]]:
    """Return a dot in the left ring of each code's upper left finder, half way down."""
    found = zxingcpp.read_barcodes(paper.convert("L"))
    corners = []
    for code in found:
        side = code.position.top_right.x - code.position.top_left.x
        corners.append((code.position.top_left.x, code.position.top_left.y + side // 11))
    return corners


async def test_only_a_roll_has_dots(maker: PdfMaker) -> None:
    with pytest.raises(ValueError, match="a4 is no roll"):
        await maker.dots(SLIP, Printing(A4_SLIPS, SV))


_WAITING = """
import asyncio, sys, time
from pathlib import Path
from portal.slips.pdf import PdfMaker
from portal.slips.sheet import Printing
from portal.domain.slip import A6
from tests.portal.slips.paper import FOLDER, SLIP, SV

if __name__ == "__main__":
    made = PdfMaker(FOLDER, workers=1)
    asyncio.run(made.make([SLIP], Printing(A6, SV)))
    print(*made._pool._processes, flush=True)
    time.sleep(600)
"""


def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "waiting.py"
    script.write_text(_WAITING)
    here = {"PYTHONPATH": str(Path.cwd()), "PATH": os.environ["PATH"]}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=here) as parent:
        assert parent.stdout is not None
        (worker,) = map(int, parent.stdout.readline().split())
        assert is_alive(worker)
        parent.kill()
    for _ in range(100):
        if not is_alive(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the process is there ten seconds later")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
