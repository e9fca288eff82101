import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.radius import MS_CHAP2_Success, Radius

from radius_bridge import mschap
from radius_bridge.mschap import MICROSOFT, MsChapLogin, read_login
from radius_bridge.old_ciphers import des_encrypt, md4
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Packet, encode, vendor_attribute
from tests.radius_bridge.vectors import lines_of

VECTOR = dict(line.split(" ", 1) for line in lines_of("mschap.txt"))
CHALLENGE = bytes.fromhex(VECTOR["authenticator_challenge"])
PEER_CHALLENGE = bytes.fromhex(VECTOR["peer_challenge"])
NT_RESPONSE = bytes.fromhex(VECTOR["nt_response"])
RESPONSE = b"\x7f\0" + PEER_CHALLENGE + bytes(8) + NT_RESPONSE
PASSWORD = Secret(VECTOR["password"].encode())
USER = VECTOR["user"].encode()
LOGIN = MsChapLogin(0x7F, USER, CHALLENGE, PEER_CHALLENGE, NT_RESPONSE)


def request(*attributes: tuple[int, bytes]) -> Packet:
    inner = tuple(vendor_attribute(MICROSOFT, kind, value) for kind, value in attributes)
    return Packet(1, 0, bytes(16), (Attribute(1, USER), *inner))


@pytest.mark.parametrize("line", list(lines_of("md4.txt")))
def test_md4_of_the_rfc(line: str) -> None:
    digest, _, text = line.partition(" ")
    assert md4(text.encode()).hex() == digest


@given(st.binary(min_size=7, max_size=7), st.binary(min_size=8, max_size=8))
def test_des_is_that_of_another_library(key: bytes, block: bytes) -> None:
    bits = f"{int.from_bytes(key, 'big'):056b}"
    with_parity = bytes(int(bits[at : at + 7] + "0", 2) for at in range(0, 56, 7))
    encryptor = Cipher(TripleDES(with_parity * 3), modes.ECB()).encryptor()  # noqa: S305 - one block
    assert des_encrypt(key, block) == encryptor.update(block)


def test_the_steps_of_the_rfc() -> None:
    hashed = md4(VECTOR["password"].encode("utf-16-le"))
    assert hashed.hex() == VECTOR["password_hash"]
    assert md4(hashed).hex() == VECTOR["password_hash_hash"]
    assert mschap.challenge_hash(LOGIN).hex() == VECTOR["challenge"]
    assert mschap.challenge_response(mschap.challenge_hash(LOGIN), hashed) == NT_RESPONSE


def test_a_login_is_read_and_answered_with_its_identifier() -> None:
    login = read_login(request((11, CHALLENGE), (25, RESPONSE)), USER)
    assert login == LOGIN
    assert mschap.answer(login, PASSWORD) == b"\x7f" + VECTOR["success"].encode()


def test_the_domain_before_the_name_does_not_count() -> None:
    login = MsChapLogin(1, b"LIBRARY\\" + USER, CHALLENGE, PEER_CHALLENGE, NT_RESPONSE)
    assert mschap.answer(login, PASSWORD) == b"\x01" + VECTOR["success"].encode()


@pytest.mark.parametrize("password", [b"", b"clientpass", b"clientPass ", b"\xff", "Ås🙂".encode()])
def test_a_wrong_password_has_no_answer(password: bytes) -> None:
    assert mschap.answer(LOGIN, Secret(password)) is None


@pytest.mark.parametrize("at", range(24))
def test_each_octet_of_the_response_counts(at: int) -> None:
    spoilt = bytearray(NT_RESPONSE)
    spoilt[at] ^= 1
    login = MsChapLogin(1, USER, CHALLENGE, PEER_CHALLENGE, bytes(spoilt))
    assert mschap.answer(login, PASSWORD) is None


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        [(11, CHALLENGE)],
        [(25, RESPONSE)],
        [(11, CHALLENGE[:15]), (25, RESPONSE)],
        [(11, CHALLENGE + b"\0"), (25, RESPONSE)],
        [(11, CHALLENGE), (25, RESPONSE + b"\0")],
        [(11, CHALLENGE), (11, CHALLENGE), (25, RESPONSE)],
        [(11, CHALLENGE), (25, RESPONSE), (25, RESPONSE)],
        *([(11, CHALLENGE), (25, RESPONSE[:length])] for length in range(50)),
    ],
)
def test_an_odd_login_is_none(attributes: list[tuple[int, bytes]]) -> None:
    assert read_login(request(*attributes), USER) is None


def test_nothing_of_a_login_shows() -> None:
    assert repr(LOGIN) == "MsChapLogin(identifier=127)"
    assert f"{PASSWORD!r} {PASSWORD}" == "*** ***"


def test_scapy_reads_the_answer() -> None:
    value = mschap.answer(LOGIN, PASSWORD)
    assert value is not None
    packet = Packet(2, 0, bytes(16), (vendor_attribute(MICROSOFT, mschap.SUCCESS, value),))
    theirs = Radius(encode(packet)).attributes[0].value
    assert isinstance(theirs, MS_CHAP2_Success)
    assert (theirs.Ident, theirs.String) == (0x7F, VECTOR["success"].encode())
