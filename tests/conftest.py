"""What every test has: a place for its files, logging of its own, and an order among the files.

Not which tests run (selection.py) nor where (distribution.py). The rule to keep: a test leaves its
process as it found it, and passes in whatever company and order.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests.distribution import order
from tests.selection import place

MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
ROOM_BYTES = 3 << 30
"""PostgreSQL copies files for every test; on a disk that takes ten times as long."""


def _has_room(directory: Path) -> bool:
    """Say whether programs can be put there too, and a whole run's files (Docker gives 64 MB)."""
    if not directory.is_mount():
        return False
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize > ROOM_BYTES and not status.f_flag & os.ST_NOEXEC


if "TMPDIR" not in os.environ and _has_room(MEMORY):
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)  # pytest has asked for it before

# By the clock it judges the machine, not us: a neighbour can take the processor for a second.
hypothesis.settings.register_profile(
    "kvar", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("kvar")


@pytest.fixture(autouse=True)
def _logging_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command run in the test's own process says how to log; the next test hears no more of it.

    Loggers would keep what they were first used with, so none does.
    """
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    configure = structlog.configure

    def forgetful(**said: Any) -> None:
        configure(**said | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", forgetful)
    yield
    configure(**before)
    logging.root.handlers = handlers
    logging.root.setLevel(level)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cuts", type=int, default=3, help="power cuts in faults/test_power_cut.py")
    parser.addoption("--next-schema", action="store_true", help="with what a next release may add")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: order(place(item.path)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Root has all that a test can want: a skipped test is then a test that was lost.

    Not one that failed, which may be tried again.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.geteuid() == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.INTERRUPTED
