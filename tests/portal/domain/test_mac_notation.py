"""A device's address in every notation that people copy it in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mac_notation import may_be_a_number, read_mac

ADDRESS = "02:1a:2b:3c:4d:af"


@pytest.mark.parametrize(
    "text",
    [
        ADDRESS,
        "02-1A-2B-3C-4D-AF",
        "02 1a 2b 3c 4d af",
        "021a.2b3c.4daf",
        "021a-2b3c-4daf",
        "021A2B:3C4DAF",
        "021a2b-3c4daf",
        "021a2b3c4daf",
        " 021A2B3C4DAF\n",
    ],
)
def test_every_notation_is_the_same_address(text: str) -> None:
    assert read_mac(text) == ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:1a:2b:3c:4d",
        "02:1a-2b:3c:4d:af",
        "021a2b3c4dag",
        "021a2b3c4daf0",
        "0:21:a2:b3:c4:da",
    ],
)
def test_what_is_no_address(text: str) -> None:
    assert read_mac(text) is None


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = read_mac(text)
    assert found is None or read_mac(found) == found


def test_twelve_digits_may_be_a_card() -> None:
    assert may_be_a_number("123456789012")
    assert not may_be_a_number("02:00:00:00:00:01")
