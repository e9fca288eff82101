"""What reaches the log: one line an event, nothing secret, nothing endless."""

import json
import logging

import pytest
import structlog

from portal import logs


@pytest.fixture(autouse=True)
def _restored() -> object:
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    logging.root.handlers = handlers


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json_whatever_it_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("portal")
    structlog.get_logger().warning("request.refused", path="a\r\nb\x1b[31m\u202e", pin="1234")
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
