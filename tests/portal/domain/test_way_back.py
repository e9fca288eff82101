"""What a browser brings back across the guest network: good once, there, for some minutes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import passage, visit_token, way_back
from portal.domain.identity import MacAddress, SiteId
from portal.domain.passage import Passage
from portal.domain.visit_token import Visit
from portal.domain.way_back import GOOD_FOR, KEPT_LONGER, RANDOM_BYTES, Browser, Spent

KEY, CHANCE = bytes(range(32)), bytes(RANDOM_BYTES)
NOW = datetime(2026, 11, 25, 14, 30, 0, 900_000, tzinfo=UTC)
PASSAGE = Passage(Visit(MacAddress("02:00:00:00:00:01"), SiteId("city"), "chilli"), is_inside=True)
PHONE = Browser("192.0.2.7", "Mozilla/5.0 (iPhone)")
REFERENCE = way_back.issue(KEY, PASSAGE, PHONE, NOW, CHANCE)


def test_it_leads_to_its_passage() -> None:
    for given_passage in (PASSAGE, Passage(PASSAGE.visit)):
        reference = way_back.issue(KEY, given_passage, PHONE, NOW, CHANCE)
        found = way_back.read(KEY, reference, PHONE, NOW)
        assert found is not None
        assert found[0] == given_passage
        assert set(reference) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
        )


@pytest.mark.parametrize(
    "other",
    [
        replace(PHONE, ip="192.0.2.8"),
        replace(PHONE, agent="curl/8"),
        replace(PHONE, ip="2001:db8::7"),
        Browser("192.0.2.7Mozilla/5.0 (iPhone)"),
    ],
)
def test_it_is_one_browsers(other: Browser) -> None:
    assert way_back.read(KEY, REFERENCE, other, NOW) is None


def test_no_part_of_it_is_a_token() -> None:
    for part in (REFERENCE, REFERENCE.partition(".")[2], *REFERENCE.split(".")):
        assert passage.read(KEY, part, NOW) is None
        assert visit_token.read(KEY, part, NOW) is None


def test_it_is_good_for_minutes() -> None:
    assert way_back.read(KEY, REFERENCE, PHONE, NOW + GOOD_FOR - timedelta(seconds=3))
    assert way_back.read(KEY, REFERENCE, PHONE, NOW + GOOD_FOR) is None
    assert way_back.read(KEY, REFERENCE, PHONE, NOW - timedelta(seconds=5)) is None


@given(st.text(max_size=80) | st.just(REFERENCE[:-1]) | st.just("x" + REFERENCE))
def test_anything_else_leads_nowhere(text: str) -> None:
    assert way_back.read(KEY, text, PHONE, NOW) is None


def test_an_address_is_a_network_where_a_device_has_several() -> None:
    assert Browser("2001:db8::1:7").address == Browser("2001:db8::2:8").address
    assert Browser("2001:db8::1%eth0").address == "2001:db8::/64"
    assert Browser("2001:db8:0:1::1").address == "2001:db8:0:1::/64"
    assert Browser("::ffff:192.0.2.7").address == "192.0.2.7"
    assert Browser("nobody").address == "nobody"


def test_what_was_used_is_remembered_while_it_could_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent = Spent()
    assert spent.spend(b"one", NOW)
    assert not spent.spend(b"one", NOW + GOOD_FOR)
    assert spent.spend(b"two", NOW + GOOD_FOR)
    assert spent.spend(b"one", NOW + GOOD_FOR + KEPT_LONGER)
    monkeypatch.setattr(way_back, "MOST_REMEMBERED", 2)
    later = NOW + timedelta(hours=1)
    for thing in (b"a", b"b", b"c"):
        assert spent.spend(thing, later)
    assert (spent.spend(b"c", later), spent.spend(b"a", later)) == (False, True)
