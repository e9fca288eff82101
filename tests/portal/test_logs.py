"""What reaches the log: one line an event, nothing secret, nothing endless."""

import json
import logging
import sys
from contextlib import suppress

import pytest
import structlog

from portal import logs


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_whatever_it_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("portal")
    structlog.get_logger().warning("request_refused", path="a\r\nb\x1b[31m\u202e", pin="1234")
    (event,) = written(capsys)
    assert event["process"] == "portal"
    assert event["pin"] == "***"
    assert event["path"] == "a\r\nb\x1b[31m\u202e"


def test_control_characters_are_escaped_on_the_wire(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("portal")
    structlog.get_logger().info("seen", agent="\x1b[31m\u202e\r\n")
    raw = capsys.readouterr().err
    assert "\x1b" not in raw
    assert "\u202e" not in raw
    assert raw.count("\n") == 1


def test_a_megabyte_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("portal")
    structlog.get_logger().info("seen", agent="x" * 1_000_000)
    assert len(capsys.readouterr().err) < 1_000


def test_the_libraries_logs_take_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("keeper")
    logging.getLogger("aiohttp.server").error("Unhandled %s", "thing")
    (event,) = written(capsys)
    assert event["event"] == "Unhandled thing"
    assert event["process"] == "keeper"


def test_fields_of_the_standard_librarys_logs_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("portal")
    logging.getLogger("portal.web").error("page_failed", extra={"reason": "X", "pin": "1234"})
    (event,) = written(capsys)
    assert (event["event"], event["reason"], event["pin"]) == ("page_failed", "X", "***")


def test_a_storm_of_warnings_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("portal")
    for _ in range(100):
        structlog.get_logger().warning("store_failed", during="look_up")
        logging.getLogger("firewall.agent").warning("mended")
    told = [event["event"] for event in written(capsys)]
    assert told.count("mended") == 100  # the gate's log is not ours to thin out
    assert 1 <= told.count("store_failed") < 10


def test_a_warning_is_told_once_a_second_with_the_number_left_out() -> None:
    now = 0.0
    process = logs.leave_out_repeats(lambda: now)

    def told(level: str = "warning", **event: object) -> logs.Event | None:
        try:
            return process(None, level, {"event": "store_failed", **event})
        except structlog.DropEvent:
            return None

    assert told(during="look_up") is not None
    assert [told(during="look_up") for _ in range(5)] == [None] * 5
    assert told(during="sign_in") is not None
    assert told("info") is not None
    assert told("info") is not None
    now = 1.0
    again = told(during="look_up")
    assert again is not None
    assert again["left_out"] == 5


def test_a_full_disk_costs_lines_and_not_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    went_on = False
    with suppress(OSError), open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stderr", full)
        logs.configure("portal")
        for _ in range(1000):  # more than any buffer takes
            structlog.get_logger().info("seen", agent="x" * 100)
            logging.getLogger("library").warning("seen")
        monkeypatch.undo()
        went_on = True
    assert went_on
