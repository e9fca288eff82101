import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import MacAddress
from portal.domain.login_token import (
    AHEAD,
    GOOD_FOR,
    RANDOM_BYTES,
    Login,
    is_login_name,
    issue,
    password_of,
)

NOW = datetime(2026, 11, 26, 12, 0, 7, tzinfo=UTC)
KEY = b"city" * 8
MAC = MacAddress("02:00:5e:00:00:2a")
OTHER_MAC = MacAddress("02:00:5e:00:00:2b")


def issued(random: bytes = b"\0" * RANDOM_BYTES) -> Login:
    return issue(KEY, MAC, "ap-hall", NOW, random)


def password_at(when: datetime, mac: MacAddress = MAC, client: str = "ap-hall") -> str | None:
    password = password_of(KEY, issued().user_name.encode(), mac, client, when)
    return None if password is None else password.reveal()


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_the_password_follows_from_the_name(random: bytes) -> None:
    login = issued(random)
    assert password_of(KEY, login.user_name.encode(), MAC, "ap-hall", NOW) == login.password


def test_the_same_question_gets_the_same_answer_until_the_end() -> None:
    password = issued().password.reveal()
    assert password_at(NOW + timedelta(seconds=30)) == password
    assert password_at(NOW + timedelta(seconds=119)) == password
    assert password_at(NOW + GOOD_FOR) is None


def test_a_clock_a_little_behind_refuses_nobody() -> None:
    assert password_at(NOW - AHEAD) == issued().password.reveal()
    assert password_at(NOW - AHEAD - timedelta(seconds=1)) is None


@pytest.mark.parametrize(("mac", "client"), [(OTHER_MAC, "ap-hall"), (MAC, "ap-yard")])
def test_elsewhere_the_name_has_another_password(mac: MacAddress, client: str) -> None:
    assert password_at(NOW, mac, client) != issued().password.reveal()


def test_it_fits_where_access_points_are_short_of_room() -> None:
    login = issued(b"\xff" * RANDOM_BYTES)
    assert re.fullmatch(r"kvar-[A-Za-z0-9_-]{18}", login.user_name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", login.password.reveal())


def test_a_password_shows_in_no_repr() -> None:
    assert issued().password.reveal() not in repr(issued())


@given(st.binary(max_size=40))
def test_any_other_name_has_no_password(name: bytes) -> None:
    assert password_of(KEY, name, MAC, "ap-hall", NOW) is None
    assert password_of(KEY, b"kvar-" + name, MAC, "ap-hall", NOW) is None


@pytest.mark.parametrize("handle", ["", "A" * 18, "_" * 18, "A" * 17, "A" * 24, "å", "A\n" * 9])
def test_a_name_that_only_looks_like_ours_has_none(handle: str) -> None:
    name = f"kvar-{handle}".encode()
    assert is_login_name(name)
    assert password_of(KEY, name, MAC, "ap-hall", NOW) is None


def test_other_names_do_not_look_like_ours() -> None:
    assert not is_login_name(b"02005e00002a")
