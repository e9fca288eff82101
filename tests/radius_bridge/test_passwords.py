from io import StringIO
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket

from radius_bridge import passwords
from radius_bridge.passwords import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    USER_PASSWORD,
    chap_challenge,
    chap_fits,
    chap_response,
    hide_password,
    hide_salted,
    reveal_password,
    reveal_salted,
)
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Packet, UnsendableError, decode
from tests.radius_bridge.vectors import SECRET_TEXT, Example, examples

SECRET = Secret(SECRET_TEXT)
AUTHENTICATOR = bytes(range(16))
CLEAR = st.binary(max_size=128).map(lambda clear: clear.rstrip(b"\0"))


def with_word(word: str) -> pytest.MarkDecorator:
    found = [example for example in examples() if word in example.words]
    assert found
    return pytest.mark.parametrize("example", found, ids=lambda example: example.name)


def revealed(value: Secret | None) -> bytes | None:
    return None if value is None else value.reveal()


@with_word("password")
def test_passwords_of_the_rfc(example: Example) -> None:
    packet, clear = decode(example.octets), Secret(example.words["password"].encode())
    hidden = packet.first(USER_PASSWORD)
    assert hidden is not None
    assert revealed(reveal_password(hidden, packet.authenticator, SECRET)) == clear.reveal()
    assert hide_password(clear, packet.authenticator, SECRET) == hidden


@with_word("chap")
def test_chap_of_the_rfc(example: Example) -> None:
    packet, clear = decode(example.octets), Secret(example.words["chap"].encode())
    response = packet.first(CHAP_PASSWORD)
    assert response is not None
    assert chap_challenge(packet) == packet.authenticator
    assert chap_response(response[0], clear, packet.authenticator) == response
    assert chap_fits(response, clear, packet.authenticator)
    assert not chap_fits(response, Secret(clear.reveal() + b"x"), packet.authenticator)
    assert not chap_fits(response, clear, bytes(16))
    assert not chap_fits(response + b"\0", clear, packet.authenticator)
    for length in range(len(response)):
        assert not chap_fits(response[:length], clear, packet.authenticator)


def test_the_challenge_may_stand_in_an_attribute() -> None:
    packet = Packet(1, 0, AUTHENTICATOR, (Attribute(CHAP_CHALLENGE, b"challenge"),))
    assert chap_challenge(packet) == b"challenge"
    words = "ATTRIBUTE CHAP-Password 3 octets\nATTRIBUTE CHAP-Challenge 60 octets\n"
    names = Dictionary(StringIO(words))
    theirs = AuthPacket(secret=SECRET_TEXT, dict=names, authenticator=AUTHENTICATOR)
    theirs[CHAP_PASSWORD] = [chap_response(9, Secret(b"pw"), b"challenge")]
    theirs[CHAP_CHALLENGE] = [b"challenge"]
    assert theirs.VerifyChapPasswd(b"pw")
    assert not theirs.VerifyChapPasswd(b"PW")


@given(CLEAR)
def test_a_password_is_hidden_and_revealed(clear: bytes) -> None:
    hidden = hide_password(Secret(clear), AUTHENTICATOR, SECRET)
    assert len(hidden) % 16 == 0
    assert revealed(reveal_password(hidden, AUTHENTICATOR, SECRET)) == clear
    theirs = AuthPacket(secret=SECRET_TEXT, dict=Dictionary(), authenticator=AUTHENTICATOR)
    if clear:
        assert theirs.PwCrypt(clear) == hidden


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 128, 129, 144])
def test_lengths_of_a_hidden_password(length: int) -> None:
    found = reveal_password(bytes(length), AUTHENTICATOR, SECRET)
    assert (found is not None) == (length in {16, 128})


def test_only_zeros_at_the_end_are_padding() -> None:
    hidden = hide_password(Secret(b"\0a\0b\0\0"), AUTHENTICATOR, SECRET)
    assert revealed(reveal_password(hidden, AUTHENTICATOR, SECRET)) == b"\0a\0b"


def test_what_is_too_long_to_hide() -> None:
    with pytest.raises(UnsendableError):
        hide_password(Secret(bytes(129)), AUTHENTICATOR, SECRET)
    with pytest.raises(UnsendableError):
        hide_salted(Secret(bytes(240)), 1, AUTHENTICATOR, SECRET)
    assert len(hide_salted(Secret(bytes(239)), 1, AUTHENTICATOR, SECRET)) == 242


@given(st.binary(max_size=239), st.integers(0, 0x7FFF))
def test_a_salted_value_is_hidden_and_revealed(clear: bytes, salt: int) -> None:
    value = hide_salted(Secret(clear), salt, AUTHENTICATOR, SECRET)
    assert value[0] & 0x80
    assert int.from_bytes(value[:2], "big") == 0x8000 | salt
    assert revealed(reveal_salted(value, AUTHENTICATOR, SECRET)) == clear
    assert revealed(reveal_salted(value, bytes(16), SECRET)) != clear or not clear


@given(st.binary(max_size=239))
def test_pyrad_reveals_and_hides_the_same(clear: bytes) -> None:
    theirs = AuthPacket(secret=SECRET_TEXT, dict=Dictionary(), authenticator=AUTHENTICATOR)
    ours = hide_salted(Secret(clear), 0x1234, AUTHENTICATOR, SECRET)
    assert theirs.SaltDecrypt(ours) == clear
    hidden = theirs.SaltCrypt(clear)
    assert revealed(reveal_salted(hidden, AUTHENTICATOR, SECRET)) == clear


@given(st.binary(max_size=253))
def test_any_salted_value_is_a_secret_or_none(value: bytes) -> None:
    found = reveal_salted(value, AUTHENTICATOR, SECRET)
    if found is not None:
        assert len(value) % 16 == 2
        assert len(found.reveal()) < len(value) - 2


def test_salted_values_cut_spoilt_or_without_their_bit() -> None:
    value = hide_salted(Secret(b"a pre-shared key"), 1, AUTHENTICATOR, SECRET)
    for length in range(len(value)):
        assert length == 18 or reveal_salted(value[:length], AUTHENTICATOR, SECRET) is None
    assert reveal_salted(value + b"\0", AUTHENTICATOR, SECRET) is None
    assert reveal_salted(bytes((value[0] & 0x7F,)) + value[1:], AUTHENTICATOR, SECRET) is None
    too_long = value[:2] + bytes((value[2] ^ 0x80,)) + value[3:]
    assert reveal_salted(too_long, AUTHENTICATOR, SECRET) is None


@pytest.mark.parametrize(
    ("salt", "length", "clear"),
    [("8001", 15, b"x" * 15), ("8001", 16, None), ("ffff", 0, b""), ("7fff", 15, None)],
)
def test_what_salt_and_length_may_be(salt: str, length: int, clear: bytes | None) -> None:
    head = bytes.fromhex(salt)
    block = bytes((length,)) + b"x" * 15
    hidden = passwords._hide(block, SECRET_TEXT, AUTHENTICATOR + head)
    assert revealed(reveal_salted(head + hidden, AUTHENTICATOR, SECRET)) == clear


def test_secrets_are_compared_and_never_shown() -> None:
    assert Secret(b"hush").fits(Secret(b"hush"))
    assert not Secret(b"hush").fits(Secret(b"hush!"))
    assert "hush" not in f"{Secret(b'hush')} {SimpleNamespace(key=Secret(b'hush'))!r}"
