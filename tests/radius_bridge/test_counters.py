from datetime import UTC, datetime, timedelta

from radius_bridge.counters import REPORT_EVERY_S, STRANGERS_MAX, Counters, Report

MORNING = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def test_counts_stand_by_client_and_reason() -> None:
    counters = Counters()
    assert counters.of("entrance") == {}
    for what in ("accepted", "accepted", "overload"):
        counters.count("entrance", what)
    counters.count("hall", "accepted")
    assert counters.of("entrance") == {"accepted": 2, "overload": 1}
    assert set(counters.clients()) == {"entrance", "hall"}


def test_only_the_latest_strangers_are_kept() -> None:
    counters = Counters()
    counters.count_stranger("192.0.2.1", MORNING)
    for number in range(STRANGERS_MAX - 1):
        counters.count_stranger(f"10.0.{number >> 8}.{number & 255}", MORNING)
    counters.count_stranger("192.0.2.1", MORNING + timedelta(seconds=9))
    counters.count_stranger("10.9.9.9", MORNING)
    strangers = counters.strangers()
    assert len(strangers) == STRANGERS_MAX
    assert [one.address for one in strangers[:2]] == ["10.9.9.9", "192.0.2.1"]
    assert "10.0.0.0" not in {one.address for one in strangers}
    known = strangers[1]
    assert (known.count, known.first_seen) == (2, MORNING)
    assert known.last_seen == MORNING + timedelta(seconds=9)
    assert counters.from_strangers == STRANGERS_MAX + 2


def test_the_same_news_is_told_once_a_minute() -> None:
    counters = Counters()
    assert counters.report("entrance", "overload", 0.0) is None
    counters.count("entrance", "overload")
    assert counters.report("entrance", "overload", 0.0) == Report("entrance", "overload", 1)
    for _ in range(3):
        counters.count("entrance", "overload")
    assert counters.report("entrance", "overload", REPORT_EVERY_S - 1) is None
    assert counters.report("entrance", "overload", REPORT_EVERY_S) == Report(
        "entrance", "overload", 3
    )
    assert counters.report("entrance", "overload", 3 * REPORT_EVERY_S) is None
