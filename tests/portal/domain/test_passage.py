"""A passage in an address: it comes back whole, or not at all."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from portal.domain import passage, visit_token
from portal.domain.identity import MacAddress, SiteId
from portal.domain.passage import MOST_TOLD, Passage
from portal.domain.visit_token import Visit

KEY = bytes(range(32))
NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
VISIT = Visit(MacAddress("02:00:00:00:00:01"), SiteId("city"), "chilli-city")
SESSION = UUID("01936000-0000-7000-8000-000000000001")
TOLD = {"logon": "http://10.1.0.1:3990/logon", "challenge": "0f" * 16, "ssid": "Bibliotek ☕"}

passages = st.builds(
    Passage,
    visit=st.just(VISIT),
    told=st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=6),
    is_proved=st.booleans(),
    owns=st.one_of(st.none(), st.uuids()),
    is_inside=st.booleans(),
)


@given(passages)
def test_it_comes_back_whole(given_passage: Passage) -> None:
    token = passage.issue(KEY, given_passage, NOW)
    assert passage.read(KEY, token, NOW) == given_passage
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_the_bridges_own_token_is_a_passage_that_is_proved() -> None:
    token = visit_token.issue(KEY, VISIT, NOW)
    assert passage.read(KEY, token, NOW) == Passage(VISIT)
    assert passage.issue(KEY, Passage(VISIT), NOW) == token


def test_it_is_over_when_the_visit_is() -> None:
    token = passage.issue(KEY, Passage(VISIT, TOLD), NOW)
    later = NOW + visit_token.GOOD_FOR
    assert passage.read(KEY, token, later - timedelta(seconds=1)) is not None
    assert passage.read(KEY, token, later) is None


@given(st.integers(min_value=0), st.sampled_from("Aa0-_.~%"))
def test_no_character_can_be_changed(at: int, other: str) -> None:
    token = passage.issue(KEY, Passage(VISIT, TOLD, is_proved=False), NOW)
    at %= len(token)
    changed = token[:at] + other + token[at + 1 :]
    if changed != token:
        assert passage.read(KEY, changed, NOW) is None


def test_what_is_left_out_changes_nothing_for_the_better() -> None:
    unproved = passage.issue(KEY, Passage(VISIT, TOLD, is_proved=False), NOW)
    bare = passage.read(KEY, unproved.partition(".")[0], NOW)
    assert bare is None


def test_two_passages_cannot_be_joined() -> None:
    other = Visit(MacAddress("02:00:00:00:00:02"), SiteId("city"), "chilli-city")
    mine = passage.issue(KEY, Passage(VISIT, owns=SESSION, is_proved=False), NOW)
    theirs = passage.issue(KEY, Passage(other, is_proved=False), NOW)
    joined = theirs.partition(".")[0] + "." + mine.partition(".")[2]
    assert passage.read(KEY, joined, NOW) is None


@given(st.text(max_size=200))
def test_rubbish_is_nobody(text: str) -> None:
    assert passage.read(KEY, text, NOW) is None


def test_a_long_token_is_not_listened_to() -> None:
    token = passage.issue(KEY, Passage(VISIT, {"a": "b" * 9_000}), NOW)
    assert passage.read(KEY, token, NOW) is None


def test_what_an_address_can_carry_is_limited() -> None:
    told = {"a": "b" * (MOST_TOLD - len('{"a": ""}'))}
    assert passage.is_short_enough(told)
    assert not passage.is_short_enough({**told, "c": ""})
    longest = Passage(VISIT, told)
    assert passage.read(KEY, passage.issue(KEY, longest, NOW), NOW) == longest


def test_who_may_decide_over_a_session() -> None:
    assert Passage(VISIT).may_decide_over(SESSION)
    assert Passage(VISIT, is_proved=False, owns=SESSION).may_decide_over(SESSION)
    assert not Passage(VISIT, is_proved=False).may_decide_over(SESSION)
