"""Bech32: the BIP's own vectors, and every single wrong letter refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backup import bech32
from portal.backup.bech32 import decode, encode

VALID = {  # BIP 173, "Test vectors": whole octets only
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw": "00443214c74254b635cf84653a56d7c675be77df",
}


@given(st.binary(max_size=80))
def test_round_trip_in_either_case(data: bytes) -> None:
    text = encode("age", data)
    assert decode("age", text) == data
    assert decode("age", text.upper()) == data


@pytest.mark.parametrize(("text", "octets"), VALID.items())
def test_the_bips_own_vectors(text: str, octets: str) -> None:
    assert decode("abcdef", text).hex() == octets
    assert encode("abcdef", bytes.fromhex(octets)) == text


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_wrong_letter_is_noticed(data: bytes, draw: st.DataObject) -> None:
    text = encode("age", data)
    place = draw.draw(st.integers(4, len(text) - 1))
    other = draw.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l".replace(text[place], "")))
    with pytest.raises(ValueError, match="wrong"):
        decode("age", text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age1",
        "age1b",
        "Age1qqqqqq",
        "xyz1qpzry9",
        encode("other", b"abc"),
        "age1qqqqb1",
        "age1qqqqqqqb",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"begin|letter"):
        decode("age", text)


def test_left_over_bits_are_refused() -> None:
    """The checksum fits, and the letters are no whole octets."""
    values = [0, 1]
    mixed = bech32._polymod([*bech32._expanded("age"), *values, *[0] * 6]) ^ 1
    checksum = [mixed >> 5 * (5 - place) & 31 for place in range(6)]
    text = "age1" + "".join(bech32._LETTERS[value] for value in (*values, *checksum))
    with pytest.raises(ValueError, match="last letter"):
        decode("age", text)
