"""Shares the tests out among pytest's workers: whole files, those that take long first.

Not a choice of tests (the Makefile's markers are). The rule to keep: tests that share something
costly, the lab's world, stay together, so that it is built once and not once a worker.
"""

import os
from pathlib import PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

LONG = (
    "lab/",
    "faults/",
    "browser/",
    "bench/",
    "portal/slips/",
    "portal/documentation/",
    "portal/composition/",
    "portal/monitoring/",
    "firewall/",
    "portal/web/",
)
"""Who comes last is waited for alone."""
OWN_WORLD = (
    "test_complaints",
    "test_demo_check",
    "test_desk",
    "test_opennds",
    "test_staff_site",
    "test_tutoring_visit",
)
"""Files in tests/lab that build a world of their own."""
WORKERS_PER_CORE = 3
"""Most of the time a test waits: for a lease, an outage's end, a page that looks again."""


def order(place: str) -> int:
    """Return when a file comes: ``place`` is its path below tests/."""
    return next((at for at, start in enumerate(LONG) if place.startswith(start)), len(LONG))


class FilesInOrder(LoadFileScheduling):
    """As ``--dist loadfile``, in our order; that one takes the file with most tests first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(super()._split_scope(nodeid))
        return "lab" if file.parent.name == "lab" and file.stem not in OWN_WORLD else str(file)


def pytest_configure(config: pytest.Config) -> None:
    """Let no process of Kvar's that gives way (it typesets at nice 10) wait behind all workers."""
    if hasattr(config, "workerinput"):
        os.nice(19)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    return WORKERS_PER_CORE * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesInOrder:
    return FilesInOrder(config, log)
