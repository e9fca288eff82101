"""Logging: one JSON object a line on stderr, events in the past tense, UTC.

Not an audit trail (that is the event log in the database). The rule to keep: nobody's PIN, card
number or address is ever an argument of a log call; this file is only the last net.
"""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

LONGEST_VALUE = 500
"""Characters. A hostile header of a megabyte must not become a line of a megabyte."""

FORBIDDEN_KEYS = frozenset(
    {"pin", "card", "password", "secret", "token", "barcode", "personnummer"}
)


REPEATED_AFTER_S = 1.0
"""A neighbour that is away makes every request warn: one warning of a kind a second tells it."""

Event = MutableMapping[str, Any]


def configure(process: str) -> None:
    """Send everything, the libraries' logs included, to stderr in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _name_process(process),
        withhold_secrets,
        cut_long_values,
    ]
    renderer = structlog.processors.JSONRenderer(ensure_ascii=True, sort_keys=False)
    structlog.configure(
        processors=[leave_out_repeats(time.monotonic), *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lines())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    foreign: list[Any] = [structlog.stdlib.ExtraAdder(), *shared]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processor=renderer)
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Lines:
    """Standard error, except that a line that cannot be written is lost and nothing else.

    It is a file where the gateway's owner has made it one, and its disk can be full: a portal that
    died of that could not even tell guests.
    """

    def write(self, text: str) -> None:
        """Write one line, if there is room for it."""
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Write what waits, if there is room for it."""
        with suppress(OSError):
            sys.stderr.flush()


def _name_process(process: str) -> Any:
    def add(_: Any, __: str, event: Event) -> Event:
        event["process"] = event.get("process", process)
        return event

    return add


def leave_out_repeats(monotonic: Callable[[], float]) -> Callable[[Any, str, Event], Event]:
    """Make a processor that drops a warning like one of the last second, and counts it.

    Alike are those of one event about the same site, process and work.
    """
    last: dict[tuple[object, ...], float] = {}
    dropped: Counter[tuple[object, ...]] = Counter()

    def process(_: Any, level: str, event: Event) -> Event:
        if level != "warning":
            return event
        kind = tuple(event.get(key) for key in ("event", "during", "site", "process"))
        now = monotonic()
        if kind in last and now - last[kind] < REPEATED_AFTER_S:
            dropped[kind] += 1
            raise structlog.DropEvent
        last[kind] = now
        if left_out := dropped.pop(kind, 0):
            event["left_out"] = left_out
        return event

    return process


def withhold_secrets(_: Any, __: str, event: Event) -> Event:
    """Replace the value of every key that names a secret."""
    for key in event:
        if key.lower() in FORBIDDEN_KEYS:
            event[key] = "***"
    return event


def cut_long_values(_: Any, __: str, event: Event) -> Event:
    """Cut long texts, but keep a traceback whole."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST_VALUE and key != "exception":
            event[key] = value[:LONGEST_VALUE] + "…"
    return event
