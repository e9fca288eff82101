"""Amounts, as Babel would write them; and lengths and stamps, as people read them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from portal.web.staff.measures import amount, length, stamp
from portal.web.staff.pages import MORE_TEXTS, TEXTS
from portal.web.texts import load_languages

SV, EN = load_languages(TEXTS, *MORE_TEXTS)


@pytest.mark.parametrize(
    ("count", "swedish", "english"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1 kB", "1 kB"),
        (1500, "2 kB", "2 kB"),
        (2500, "2 kB", "2 kB"),
        (999_999, "1 000 kB", "1,000 kB"),
        (1_000_000, "1,0 MB", "1.0 MB"),
        (12_345_678, "12,3 MB", "12.3 MB"),
        (99_960_000, "100,0 MB", "100.0 MB"),
        (100_000_000, "100 MB", "100 MB"),
        (5_250_000_000, "5,2 GB", "5.2 GB"),
        (1_234_567_000_000_000_000, "1 235 PB", "1,235 PB"),
    ],
)
def test_amounts(count: int, swedish: str, english: str) -> None:
    plain = swedish.replace(" ", "\N{NO-BREAK SPACE}")
    assert amount(count, SV).replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}") == plain
    assert amount(count, EN) == english.replace(" ", "\N{NO-BREAK SPACE}")


@given(st.integers(0, 10**18))
def test_amounts_are_written_as_babel_writes_them(count: int) -> None:
    for language in (SV, EN):
        number, _, unit = amount(count, language).rpartition("\N{NO-BREAK SPACE}")
        power = ("B", "kB", "MB", "GB", "TB", "PB").index(unit)
        value = Decimal(count) / 1000**power
        pattern = "#,##0.0" if power > 1 and value < 100 else "#,##0"
        assert number == format_decimal(value, pattern, locale=language.tag)


def test_lengths_and_stamps() -> None:
    assert length(timedelta(seconds=-3), EN) == "0 s"
    assert length(timedelta(minutes=5, seconds=59), EN) == "5 min"
    assert length(timedelta(hours=26, minutes=1), SV) == "26 tim 1 min"
    moment = datetime(2026, 6, 1, 22, 0, 7, tzinfo=UTC)
    assert stamp(moment, ZoneInfo("Europe/Stockholm")) == "2026-06-02 00:00:07"
