from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.web import moments
from portal.web.device_help import DEVICE_HELP
from portal.web.guest.pages import TEXTS
from portal.web.texts import load_languages

SV, EN = load_languages(TEXTS, DEVICE_HELP)
STOCKHOLM = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
AT = "kl.\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("moment", "swedish", "english"),
    [
        (NOW, f"{AT}15.30", "15:30"),
        (datetime(2026, 11, 25, 7, 5, tzinfo=UTC), f"{AT}08.05", "08:05"),
        (datetime(2026, 11, 25, 23, 0, tzinfo=UTC), f"torsdag {AT}00.00", "Thursday 00:00"),
        (datetime(2026, 12, 1, 9, 0, tzinfo=UTC), f"tisdag {AT}10.00", "Tuesday 10:00"),
        (datetime(2026, 12, 2, 9, 0, tzinfo=UTC), f"2 december {AT}10.00", "2 December 10:00"),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), f"24 november {AT}10.00", "24 November 10:00"),
    ],
)
def test_moments_as_guests_read_them(moment: datetime, swedish: str, english: str) -> None:
    assert moments.day_and_time(moment, NOW, STOCKHOLM, SV) == swedish
    assert moments.day_and_time(moment, NOW, STOCKHOLM, EN) == english


@pytest.mark.parametrize(("seconds", "expected"), [(0, "15.30"), (1, "15.31"), (59.9, "15.31")])
def test_a_wait_ends_at_a_whole_minute_never_before(seconds: float, expected: str) -> None:
    moment = NOW + timedelta(seconds=seconds)
    assert moments.clock_rounded_up(moment, NOW, STOCKHOLM, SV) == f"{AT}{expected}"


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(-5, 1), (0, 1), (1, 1), (60, 1), (61, 2), (300, 5)]
)
def test_minutes_are_rounded_up(seconds: int, minutes: int) -> None:
    assert moments.whole_minutes(timedelta(seconds=seconds)) == minutes


def test_one_and_many() -> None:
    assert moments.counted(SV, "minutes", 1) == "1 minut"
    assert moments.counted(SV, "minutes", 2) == "2 minuter"
    assert moments.counted(EN, "tries", 1) == "1 more time"


def test_a_day() -> None:
    assert moments.calendar_day(date(2026, 11, 25), SV) == "25 november 2026"
    assert moments.calendar_day(date(2026, 11, 25), EN) == "25 November 2026"
