"""Chooses tests by a word on the command line: `--quick`, `--alone`.

Not how they are shared out (distribution.py is). The rule to keep: a choice is made by what a test
needs, and what is not chosen is not even imported.
"""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

ALONE = (
    "faults/test_devices_and_limits.py",
    "faults/test_ends.py",
    "faults/test_guests_stay_online.py",
    "faults/test_power_cut.py",
    "lab/test_threats_portal.py",
)
"""They measure how long a guest is without a connection, or load all cores on purpose."""

QUICK = (
    "firewall",
    "fuzz",
    "portal/backup",
    "portal/demo",
    "portal/domain",
    "portal/library",
    "portal/services",
    "portal/setup",
    "portal/web",
    "radius_bridge",
)
"""Where most tests need nothing but pytest's own process. `--quick` leaves out the others there."""
MORE_THAN_A_PROCESS = ("root", "browser", "alone", "proof", "program")
"""Markers of what a quick test has none of."""
DATABASE = "cluster"
"""The fixture behind every test's PostgreSQL."""
STARTS_A_PROGRAM = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.system")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="what needs pytest's own process alone")
    parser.addoption("--alone", action="store_true", help="what wants the machine for itself")


def place(path: Path) -> str:
    """Return the path below tests/."""
    return path.relative_to(TESTS).as_posix()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what is not chosen: that takes longer than to run what is."""
    if TESTS not in collection_path.parents:
        return None
    here = place(collection_path)
    if config.getoption("--alone"):
        return None if any(_is_in(one, here) for one in ALONE) else True
    if config.getoption("--quick"):
        return None if any(_is_in(here, one) or _is_in(one, here) for one in QUICK) else True
    return None


def _is_in(inner: str, outer: str) -> bool:
    return f"{inner}/".startswith(f"{outer}/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if place(item.path) in ALONE:
            item.add_marker(pytest.mark.alone)
    if config.getoption("--quick"):
        left = [item for item in items if not _is_quick(item)]
        items[:] = [item for item in items if _is_quick(item)]
        config.hook.pytest_deselected(items=left)


def _is_quick(item: pytest.Item) -> bool:
    more = any(item.get_closest_marker(name) for name in MORE_THAN_A_PROCESS)
    return not more and DATABASE not in getattr(item, "fixturenames", ())


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--quick"):
        sys.addaudithook(_start_no_program)


def _start_no_program(event: str, _: tuple[object, ...]) -> None:
    if event in STARTS_A_PROGRAM and "PYTEST_CURRENT_TEST" in os.environ:
        raise AssertionError("it starts a program: mark it so, for --quick to leave it out")
