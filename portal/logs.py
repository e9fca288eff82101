"""Logging: one JSON object a line on stderr, events in the past tense, UTC.

Not an audit trail (that is the event log in the database). The rule to keep: nobody's PIN, card
number or address is ever an argument of a log call; this file is only the last net.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

LONGEST_VALUE = 500
"""Characters. A hostile header of a megabyte must not become a line of a megabyte."""

FORBIDDEN_KEYS = frozenset(
    {"pin", "card", "password", "secret", "token", "barcode", "personnummer"}
)


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
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _name_process(process: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = event.get("process", process)
        return event

    return add


def withhold_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that names a secret."""
    for key in event:
        if key.lower() in FORBIDDEN_KEYS:
            event[key] = "***"
    return event


def cut_long_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut long texts, but keep a traceback whole."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST_VALUE and key != "exception":
            event[key] = value[:LONGEST_VALUE] + "…"
    return event
