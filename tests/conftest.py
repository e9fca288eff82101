"""Says which tests want the machine for themselves; all others may run side by side.

`make test` runs the others first, on several cores, and these after them, one by one. The rule to
keep: every test must pass in either company; being alone only keeps what it measures its own.
"""

from pathlib import Path

import pytest

ALONE = ("bench/test_benchmarks.py", "faults/", "firewall/test_healing.py", "lab/")
"""They count lost packets, measure gaps, or load all cores on purpose."""
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(TESTS).as_posix().startswith(ALONE):
            item.add_marker(pytest.mark.alone)
