import pytest
from scapy.layers.radius import Radius

from radius_bridge.credentials import (
    ChapLogin,
    Fits,
    NoPassword,
    PasswordLogin,
    check,
    eap_failure,
    read_credential,
)
from radius_bridge.mschap import MsChapLogin
from radius_bridge.passwords import chap_response, hide_password
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Packet, decode, encode, vendor_attribute
from tests.radius_bridge.vectors import SECRET_TEXT, examples, lines_of

SECRET = Secret(SECRET_TEXT)
RANDOM = bytes(range(16))
PASSWORD, WRONG = Secret(b"clientPass"), Secret(b"clientpass")
VECTOR = dict(line.split(" ", 1) for line in lines_of("mschap.txt"))

NAME = Attribute(1, b"User")
PAP = Attribute(2, hide_password(PASSWORD, RANDOM, SECRET))
CHAP = Attribute(3, chap_response(9, PASSWORD, RANDOM))
EAP = Attribute(79, b"\x02\0\0\x05\x01")
CHALLENGE = vendor_attribute(311, 11, bytes.fromhex(VECTOR["authenticator_challenge"]))
RESPONSE = vendor_attribute(
    311,
    25,
    b"\x09\0"
    + bytes.fromhex(VECTOR["peer_challenge"])
    + bytes(8)
    + bytes.fromhex(VECTOR["nt_response"]),
)


def request(*attributes: Attribute) -> Packet:
    return Packet(1, 0, RANDOM, attributes)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ((NAME, PAP), PasswordLogin),
        ((NAME, CHAP), ChapLogin),
        ((NAME, Attribute(60, RANDOM), CHAP), ChapLogin),
        ((NAME, CHALLENGE, RESPONSE), MsChapLogin),
    ],
)
def test_each_way_is_read_and_checked(attributes: tuple[Attribute, ...], kind: type) -> None:
    credential = read_credential(request(*attributes), SECRET)
    assert isinstance(credential, kind)
    assert check(credential, PASSWORD) is not None
    assert check(credential, WRONG) is None
    assert "clientPass" not in repr(credential)


def test_an_ms_chap_login_is_answered_with_a_proof() -> None:
    proof = vendor_attribute(311, 26, b"\x09" + VECTOR["success"].encode())
    credential = read_credential(request(NAME, CHALLENGE, RESPONSE), SECRET)
    assert check(credential, PASSWORD) == Fits((proof,))
    nameless = read_credential(request(CHALLENGE, RESPONSE), SECRET)
    assert check(nameless, PASSWORD) is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((NAME,), NoPassword.ABSENT),
        ((NAME, CHALLENGE), NoPassword.ABSENT),
        ((NAME, EAP), NoPassword.EAP),
        ((NAME, EAP, EAP), NoPassword.EAP),
        ((NAME, PAP, CHAP), NoPassword.CONTRADICTORY),
        ((NAME, PAP, PAP), NoPassword.CONTRADICTORY),
        ((NAME, PAP, EAP), NoPassword.CONTRADICTORY),
        ((NAME, CHAP, CHALLENGE, RESPONSE), NoPassword.CONTRADICTORY),
        ((NAME, RESPONSE), NoPassword.CONTRADICTORY),
        ((NAME, Attribute(2, bytes(15))), NoPassword.CONTRADICTORY),
        ((NAME, Attribute(2, b"")), NoPassword.CONTRADICTORY),
    ],
)
def test_what_holds_no_password(attributes: tuple[Attribute, ...], expected: NoPassword) -> None:
    credential = read_credential(request(*attributes), SECRET)
    assert credential is expected
    assert check(credential, PASSWORD) is None
    assert check(credential, Secret(b"")) is None


def test_the_examples_of_the_rfc_log_in() -> None:
    found = [one for one in examples() if {"password", "chap"} & set(one.words)]
    assert len(found) == 4
    for example in found:
        password = example.words.get("password") or example.words["chap"]
        credential = read_credential(decode(example.octets), SECRET)
        assert check(credential, Secret(password.encode())) == Fits()
        assert check(credential, Secret(b"another")) is None


# RFC 3748 section 4.2: code 4, the identifier of the response, length 4.
def test_eap_is_answered_with_its_failure() -> None:
    assert eap_failure(request(NAME, EAP)) == (Attribute(79, b"\x04\0\0\x04"),)
    late = Attribute(79, b"\x02\x07\0\x05\x01")
    assert eap_failure(request(late)) == (Attribute(79, b"\x04\x07\0\x04"),)
    assert eap_failure(request(NAME)) == ()
    for length in range(4):
        assert eap_failure(request(Attribute(79, late.value[:length]))) == ()
    theirs = Radius(encode(request(*eap_failure(request(late))))).attributes[0]
    assert (theirs.value.code, theirs.value.id, theirs.value.len) == (4, 7, 4)
