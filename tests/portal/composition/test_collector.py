"""The collector of a process that answers many requests."""

import gc
from collections.abc import Iterator

import pytest

from portal.composition.collector import NEW_OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_what_is_composed_is_left_alone() -> None:
    composed = [[number] for number in range(100)]
    collect_seldom()
    looked_at = {id(one) for one in gc.get_objects()}
    assert looked_at.isdisjoint(map(id, composed))


def test_a_batch_is_not_looked_through_while_it_is_being_written() -> None:
    collect_seldom()
    before = gc.get_stats()[0]["collections"]
    batch = [[number] for number in range(NEW_OBJECTS // 2)]
    assert gc.get_stats()[0]["collections"] == before
    assert len(batch) == NEW_OBJECTS // 2


def test_cycles_are_still_found() -> None:
    collect_seldom()
    before = gc.get_stats()[0]["collections"]
    kept = [[number] for number in range(2 * NEW_OBJECTS)]
    assert gc.get_stats()[0]["collections"] > before
    assert kept
