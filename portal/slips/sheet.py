"""Sheets of slips as pages: what a browser prints, and what becomes a PDF.

Not the words (words.py) and not the look (templates/slips). The rule to keep: a page holds as many
slips as the paper does, and nothing on it depends on who prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from portal.domain.slip import Layout, PrintTarget, Slip
from portal.slips.pages import Page, Templates
from portal.slips.qr import SizedQr, draw, login_text, sized, wifi_text
from portal.slips.words import Language, Wording, digits, word

_ROOM = {Layout.COMPACT: (28, 24), Layout.FULL: (30, 24)}
"""Characters of the library's name, and of network and password, beyond which a slip is set
smaller: more would not fit beside everything else."""

_ADDRESS_ROOM = 17
"""Characters of the short address that stand beside a serial on a small slip."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A slip as the template wants it."""

    column: int
    row: int
    words: Wording
    also: Wording | None
    code: Markup
    join: SizedQr
    login: SizedQr | None
    is_dense: bool


@dataclass(frozen=True, slots=True)
class Printing:
    """On what, and in which language; ``second`` goes in small print on papers with room for it."""

    target: PrintTarget
    language: Language
    second: Language | None = None


def page_count(target: PrintTarget, slips: int) -> int:
    """Return how many pages so many slips take."""
    return -(-slips // target.slips_per_page)


def sheet_of(
    templates: Templates,
    slips: Sequence[Slip],
    printing: Printing,
    *,
    script: str | None = None,
    back: str | None = None,
) -> Page:
    """Return the page that prints these slips.

    ``script`` is the address of a script of our own that opens the browser's print window, and
    ``back`` where the page's link leads; both are seen on the screen only.
    """
    target = printing.target
    per_page = target.slips_per_page
    placed = [_place(slip, number, printing) for number, slip in enumerate(slips)]
    pages = [placed[first : first + per_page] for first in range(0, len(placed), per_page)]
    values = {"pages": pages, "second": printing.second, "back": back}
    layout = target.layout.value
    styles = ("print", layout, target.name)
    return templates.render(layout, styles, printing.language, values, script)


def _place(slip: Slip, number: int, printing: Printing) -> _Placed:
    target = printing.target
    on_page = number % target.slips_per_page
    is_full = target.layout is Layout.FULL
    return _Placed(
        column=on_page % target.columns,
        row=on_page // target.columns,
        words=word(slip, printing.language),
        also=word(slip, printing.second) if is_full and printing.second else None,
        code=digits(slip.code.reveal()),
        join=sized(draw(wifi_text(slip.network)), target),
        login=_login(slip, target) if is_full else None,
        is_dense=_is_dense(slip, target),
    )


def _login(slip: Slip, target: PrintTarget) -> SizedQr | None:
    if slip.login_url is None:
        return None
    return sized(draw(login_text(slip.login_url.reveal())), target)


def _is_dense(slip: Slip, target: PrintTarget) -> bool:
    password = slip.network.password
    typed = len(slip.network.name) + (len(password.reveal()) if password else 0)
    library_room, typed_room = _ROOM[target.layout]
    long_address = target.layout is Layout.COMPACT and len(slip.short_address) > _ADDRESS_ROOM
    return len(slip.library) > library_room or typed > typed_room or long_address
