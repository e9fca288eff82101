"""What somebody types for opening hours, ways in and names."""

import pytest

from portal.setup import shapes

WEEK = ["10:00-19:00"]


@pytest.mark.parametrize(
    "text",
    [
        "mån-fre 10-19, lör 11-15",
        "måndag – fredag 10.00–19.00; lördag 11:00-15:00",
        "Man-Fre 10-19,lor 11-15",
        "mon-fri 10-19, sat 11-15",
    ],
)
def test_hours_as_people_write_them(text: str) -> None:
    hours = shapes.opening_hours(text)
    assert hours is not None
    assert list(hours) == ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
    assert (hours["friday"], hours["saturday"]) == (["10:00-19:00"], ["11:00-15:00"])


def test_a_day_with_a_break_has_two_spans() -> None:
    assert shapes.opening_hours("tis 10-12, tis 13-19") == {
        "tuesday": ["10:00-12:00", "13:00-19:00"]
    }


@pytest.mark.parametrize("text", ["alltid", " Always", "24/7"])
def test_always_open(text: str) -> None:
    assert shapes.opening_hours(text) is None


@pytest.mark.parametrize(
    "text", ["", "10-19", "mån", "fre-mån 10-19", "mån 10-25", "mån 10.60-19", "mon 10", "xyz 1-2"]
)
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.{0,14}$"):
        shapes.opening_hours(text)


def test_ways_in_keep_their_order() -> None:
    assert shapes.login_methods("Code, card") == ["code", "card"]
    for text in ("", "kort", "card; fax"):
        with pytest.raises(ValueError, match=r"not a valid|^$"):
            shapes.login_methods(text)


@pytest.mark.parametrize(
    ("name", "short"),
    [("Umeå stadsbibliotek", "umea-stadsbibliotek"), ("Ö", "o"), ("図書館", "library")],
)
def test_a_site_gets_a_short_name(name: str, short: str) -> None:
    assert shapes.short_name(name) == short
    assert len(shapes.short_name("a" * 90)) == 40


def test_interfaces_are_guessed_from_the_default_route() -> None:
    guess = shapes.likely_interfaces(["eth0", "eth1", "lo"], towards_internet="eth0")
    assert guess == ("eth1", "eth0")
    assert shapes.likely_interfaces(["lo"], towards_internet="") == ("guest0", "wan0")
