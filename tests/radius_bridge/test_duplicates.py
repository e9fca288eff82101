import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.duplicates import LIFETIME_S, DuplicateCache, RequestKey, Work

FIRST, SECOND = bytes(16), bytes(15) + b"\1"
KEY = RequestKey("192.0.2.1", 1645, "authentication", 1, 7)


def key(client: str = "192.0.2.1", identifier: int = 7) -> RequestKey:
    return KEY._replace(client=client, identifier=identifier)


def test_a_repetition_is_dropped_then_answered_with_the_same_octets() -> None:
    cache = DuplicateCache()
    assert cache.begin(KEY, FIRST, 0.0) is Work.NEW
    assert cache.begin(KEY, FIRST, 1.0) is Work.PENDING
    cache.remember(KEY, FIRST, b"reply")
    assert cache.begin(KEY, FIRST, 2.0) == b"reply"
    assert cache.begin(KEY, FIRST, LIFETIME_S - 0.001) == b"reply"
    assert cache.begin(KEY, FIRST, LIFETIME_S) is Work.NEW
    assert len(cache) == 1


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(client="192.0.2.2"),
        KEY._replace(port=1646),
        KEY._replace(listener="accounting"),
        KEY._replace(code=4),
        KEY._replace(identifier=8),
    ],
)
def test_each_part_of_the_key_counts(other: RequestKey) -> None:
    cache = DuplicateCache()
    cache.begin(KEY, FIRST, 0.0)
    assert cache.begin(other, FIRST, 0.0) is Work.NEW
    assert cache.begin(KEY, FIRST, 0.0) is Work.PENDING


def test_another_authenticator_is_a_new_request_and_ends_the_old_one() -> None:
    cache = DuplicateCache()
    cache.begin(KEY, FIRST, 0.0)
    assert cache.begin(KEY, SECOND, 1.0) is Work.NEW
    cache.remember(KEY, FIRST, b"too late")
    cache.abandon(KEY, FIRST)
    assert cache.begin(KEY, SECOND, 2.0) is Work.PENDING
    cache.remember(KEY, SECOND, b"reply")
    assert cache.begin(KEY, SECOND, 30.5) == b"reply"
    assert len(cache) == 1


def test_a_new_request_in_the_place_of_an_old_one_is_the_youngest() -> None:
    cache = DuplicateCache(per_client_max=2)
    cache.begin(key(identifier=1), FIRST, 0.0)
    cache.begin(key(identifier=2), FIRST, 1.0)
    cache.begin(key(identifier=1), SECOND, 20.0)
    assert cache.begin(key(identifier=3), FIRST, 21.0) is Work.NEW, "in the place of 2"
    assert cache.begin(key(identifier=1), SECOND, 32.0) is Work.PENDING
    assert cache.begin(key(identifier=2), FIRST, 32.0) is Work.NEW, "in the place of 1"
    assert cache.begin(key(identifier=3), FIRST, 50.999) is Work.PENDING
    assert cache.begin(key(identifier=1), SECOND, 51.0) is Work.NEW
    assert len(cache) == 2


def test_a_new_request_in_the_place_of_an_old_one_holds_up_no_end() -> None:
    cache = DuplicateCache()
    cache.begin(key(identifier=1), FIRST, 0.0)
    cache.begin(key(identifier=2), FIRST, 1.0)
    cache.begin(key(identifier=1), SECOND, 20.0)
    cache.begin(key(identifier=3), FIRST, 32.0)
    assert len(cache) == 2, "the second has come to its end, the first began anew"


def test_what_gets_no_reply_is_done_anew() -> None:
    cache = DuplicateCache()
    cache.begin(KEY, FIRST, 0.0)
    cache.abandon(KEY, FIRST)
    assert len(cache) == 0
    cache.abandon(KEY, FIRST)
    cache.remember(KEY, FIRST, b"reply")
    assert cache.begin(KEY, FIRST, 1.0) is Work.NEW


def test_a_client_that_floods_loses_its_own_entries() -> None:
    cache = DuplicateCache(per_client_max=4)
    cache.begin(key("quiet"), FIRST, 0.0)
    for identifier in range(256):
        assert cache.begin(key("loud", identifier), FIRST, 1.0) is Work.NEW
    assert len(cache) == 5
    assert cache.begin(key("quiet"), FIRST, 2.0) is Work.PENDING
    assert [cache.begin(key("loud", one), FIRST, 2.0) for one in range(252, 256)] == [
        Work.PENDING
    ] * 4


def test_a_full_cache_makes_room_for_a_newcomer() -> None:
    cache = DuplicateCache(per_client_max=4, total_max=4)
    for number in range(4):
        cache.begin(key(f"client {number}"), FIRST, float(number))
    cache.begin(key("client 3", 8), FIRST, 4.0)
    assert cache.begin(key("client 0"), FIRST, 4.0) is Work.PENDING
    assert cache.begin(key("newcomer"), FIRST, 5.0) is Work.NEW
    assert cache.begin(key("client 1"), FIRST, 5.0) is Work.PENDING
    assert len(cache) == 4


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "remember", "abandon"]),
        st.sampled_from("abc"),
        st.integers(0, 3),
        st.sampled_from([FIRST, SECOND]),
        st.floats(0, 8),
    ),
    max_size=60,
)


@given(CALLS)
def test_it_never_grows_beyond_its_bounds_nor_repeats_a_foreign_reply(
    calls: list[tuple[str, str, int, bytes, float]],
) -> None:
    cache, now_s, replies = DuplicateCache(per_client_max=3, total_max=5), 0.0, set()
    for call, client, identifier, authenticator, pause_s in calls:
        now_s += pause_s
        one = key(client, identifier)
        reply = repr((one, authenticator)).encode()
        if call == "begin":
            answer = cache.begin(one, authenticator, now_s)
            assert isinstance(answer, Work) or answer == reply
            assert isinstance(answer, Work) or answer in replies
        elif call == "remember":
            cache.remember(one, authenticator, reply)
            replies.add(reply)
        else:
            cache.abandon(one, authenticator)
        assert len(cache) <= 5
        assert all(0 < len(own) <= 3 for own in cache._clients.values())
        assert sum(map(len, cache._clients.values())) == len(cache)
