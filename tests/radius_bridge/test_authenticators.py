import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, AuthPacket, CoAPacket
from scapy.layers.radius import Radius, RadiusAttr_Message_Authenticator

from radius_bridge.authenticators import (
    MESSAGE_AUTHENTICATOR,
    PROXY_STATE,
    Verdict,
    _proof,
    judge_reply,
    judge_request,
    sign_reply,
    sign_request,
)
from radius_bridge.secret import Secret
from radius_bridge.wire import (
    EAP_MESSAGE,
    Attribute,
    Code,
    Packet,
    Request,
    UnsendableError,
    decode,
    encode,
)
from tests.radius_bridge.vectors import SECRET_TEXT, Example, examples

SECRET, OTHER = Secret(SECRET_TEXT), Secret(b"xyzzy5462")
RANDOM = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
NAME = Attribute(1, b"nemo")
GENUINE, UNPROVEN, FORGED = Verdict.GENUINE, Verdict.UNPROVEN, Verdict.FORGED

REQUESTS = [
    Code.ACCESS_REQUEST,
    Code.STATUS_SERVER,
    Code.ACCOUNTING_REQUEST,
    Code.DISCONNECT_REQUEST,
    Code.COA_REQUEST,
]
REPLIES = [
    (Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT),
    (Code.ACCESS_REQUEST, Code.ACCESS_REJECT),
    (Code.ACCESS_REQUEST, Code.ACCESS_CHALLENGE),
    (Code.STATUS_SERVER, Code.ACCESS_ACCEPT),
    (Code.STATUS_SERVER, Code.ACCOUNTING_RESPONSE),
    (Code.ACCOUNTING_REQUEST, Code.ACCOUNTING_RESPONSE),
    (Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK),
    (Code.DISCONNECT_REQUEST, Code.DISCONNECT_NAK),
    (Code.COA_REQUEST, Code.COA_ACK),
    (Code.COA_REQUEST, Code.COA_NAK),
]
ATTRIBUTE = st.builds(
    Attribute,
    st.integers(0, 255).filter(lambda kind: kind not in {MESSAGE_AUTHENTICATOR, PROXY_STATE}),
    st.binary(max_size=40),
)
ATTRIBUTES = st.lists(ATTRIBUTE, max_size=8).map(tuple)

request_code = pytest.mark.parametrize("code", REQUESTS)
reply_codes = pytest.mark.parametrize(("asked", "answered"), REPLIES)


def signed(code: int, *attributes: Attribute, secret: Secret = SECRET) -> Packet:
    return decode(sign_request(Packet(code, 7, RANDOM, attributes), secret))


def changed(packet: Packet, bit: int) -> Packet:
    """Change one bit of code, identifier, authenticator, or of an attribute's value."""
    octets = bytearray(encode(packet))
    octets[bit // 8] ^= 1 << bit % 8
    return decode(bytes(octets))


def headers_of(packet: Packet) -> set[int]:
    """Where lengths and the numbers of attributes stand: a change may make another packet."""
    headers, at = {2, 3}, 20
    for _, value in packet.attributes:
        headers |= {at, at + 1}
        at += 2 + len(value)
    return headers


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_examples_of_the_rfcs(example: Example) -> None:
    packet = decode(example.octets)
    if example.request is not None:
        request = decode(example.request)
        old = packet.code in {Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE}
        assert judge_reply(packet, request, SECRET) is (UNPROVEN if old else GENUINE)
        assert judge_reply(packet, request, OTHER) is FORGED
    elif packet.code == Code.STATUS_SERVER:
        assert judge_request(packet, SECRET) is GENUINE
        assert judge_request(packet, OTHER) is FORGED
    else:
        assert judge_request(packet, SECRET) is UNPROVEN


@request_code
@given(attributes=ATTRIBUTES)
def test_what_we_sign_is_genuine_and_begins_with_its_proof(
    code: Code, attributes: tuple[Attribute, ...]
) -> None:
    packet = signed(code, *attributes)
    assert packet.attributes[0].kind == MESSAGE_AUTHENTICATOR
    assert packet.attributes[1:] == attributes
    assert judge_request(packet, SECRET) is GENUINE
    assert judge_request(packet, OTHER) is FORGED


@request_code
def test_every_bit_of_a_request_counts(code: Code) -> None:
    packet = signed(code, NAME)
    headers = headers_of(packet)
    for bit in range(len(encode(packet)) * 8):
        if bit // 8 not in headers:
            assert judge_request(changed(packet, bit), SECRET) is not GENUINE, bit


PROOFS = st.builds(Attribute, st.just(MESSAGE_AUTHENTICATOR), st.sampled_from([b"", bytes(16)]))


@request_code
@given(attributes=st.lists(PROOFS | ATTRIBUTE, max_size=6), right=st.booleans())
def test_a_request_from_the_wire_is_judged_as_any_packet_is(
    code: Code, attributes: list[Attribute], right: bool
) -> None:
    """What a server looks up where most proofs stand: with none, several, elsewhere, too short."""
    secret = SECRET if right else OTHER
    octets = encode(Packet(code, 7, RANDOM, tuple(attributes)))
    place = octets.find(bytes((MESSAGE_AUTHENTICATOR, 18)) + bytes(16), 20)
    if place > 0:  # the first of them is right where there are several
        proof = hmac.digest(secret.reveal(), octets, "md5")
        octets = octets[: place + 2] + proof + octets[place + 18 :]
    assert judge_request(Request(octets), SECRET) is judge_request(decode(octets), SECRET)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_proof_counts_wherever_it_stands(place: int) -> None:
    others = [NAME, Attribute(32, b"ap")]
    others.insert(place, Attribute(MESSAGE_AUTHENTICATOR, bytes(16)))
    unsigned = Packet(1, 7, RANDOM, tuple(others))
    theirs = Radius(encode(unsigned))
    proof = RadiusAttr_Message_Authenticator.compute_message_authenticator(
        theirs, RANDOM, SECRET_TEXT
    )
    others[place] = Attribute(MESSAGE_AUTHENTICATOR, proof)
    packet = replace(unsigned, attributes=tuple(others))
    assert judge_request(packet, SECRET) is GENUINE
    assert judge_request(packet, OTHER) is FORGED


@request_code
def test_no_proof_two_proofs_and_half_a_proof(code: Code) -> None:
    packet = signed(code, NAME)
    proof = packet.attributes[0]
    halves = [Attribute(MESSAGE_AUTHENTICATOR, proof.value[:count]) for count in range(16)]
    for odd in [(proof, proof), *((half,) for half in halves)]:
        assert judge_request(replace(packet, attributes=(*odd, NAME)), SECRET) is FORGED
    without = judge_request(replace(packet, attributes=(NAME,)), SECRET)
    assert without is (UNPROVEN if code is Code.ACCESS_REQUEST else FORGED)


def test_two_proofs_are_forged_though_one_is_right() -> None:
    blank, other = (Attribute(MESSAGE_AUTHENTICATOR, bytes(16)) for _ in range(2))
    octets = encode(Packet(1, 7, RANDOM, (blank, other, NAME)))
    proof = Attribute(MESSAGE_AUTHENTICATOR, hmac.digest(SECRET_TEXT, octets, "md5"))
    assert judge_request(Packet(1, 7, RANDOM, (proof, other, NAME)), SECRET) is FORGED
    assert judge_request(Packet(1, 7, RANDOM, (other, proof, NAME)), SECRET) is FORGED


def test_eap_without_proof_is_forged() -> None:
    eap = Attribute(EAP_MESSAGE, b"\x02\0\0\x05\x01")
    assert judge_request(Packet(1, 7, RANDOM, (eap,)), SECRET) is FORGED
    assert judge_request(signed(1, eap), SECRET) is GENUINE


@pytest.mark.parametrize("code", [Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST])
def test_a_keyed_request_needs_no_more_than_its_authenticator(code: Code) -> None:
    theirs = AcctPacket(secret=SECRET_TEXT, dict=Dictionary(), code=code, id=7)
    packet = decode(theirs.RequestPacket())
    assert packet.attributes == ()
    assert judge_request(packet, SECRET) is GENUINE
    assert judge_request(packet, OTHER) is FORGED


@pytest.mark.parametrize("code", [0, 2, 5, 11, 41, 44, 52, 255])
def test_what_is_no_request(code: int) -> None:
    assert judge_request(Packet(code, 7, RANDOM, (NAME,)), SECRET) is FORGED
    with pytest.raises(UnsendableError):
        sign_request(Packet(code, 7, RANDOM), SECRET)


@reply_codes
@given(attributes=ATTRIBUTES)
def test_replies_are_proved_and_copy_proxy_states(
    asked: Code, answered: Code, attributes: tuple[Attribute, ...]
) -> None:
    states = tuple(Attribute(PROXY_STATE, value) for value in (b"", b"\0\xff\0", b"x" * 253))
    request = signed(asked, states[0], NAME, states[1], states[2])
    reply = decode(sign_reply(answered, attributes, request, SECRET))
    assert reply.identifier == request.identifier
    proofs = reply.attributes[: asked is not Code.ACCOUNTING_REQUEST]
    assert [one.kind for one in proofs] == [MESSAGE_AUTHENTICATOR] * len(proofs)
    assert reply.attributes[len(proofs) :] == attributes + states
    assert judge_reply(reply, request, SECRET) is GENUINE
    assert judge_reply(reply, request, OTHER) is FORGED
    assert judge_reply(reply, replace(request, authenticator=bytes(16)), SECRET) is FORGED
    assert judge_reply(reply, replace(request, identifier=8), SECRET) is FORGED


@reply_codes
def test_a_proxy_state_that_we_never_sent_is_forged(asked: Code, answered: Code) -> None:
    with_state = signed(asked, Attribute(PROXY_STATE, b"foreign"))
    reply = decode(sign_reply(answered, (), with_state, SECRET))
    assert judge_reply(reply, with_state, SECRET) is GENUINE
    without = replace(with_state, attributes=with_state.attributes[:1])
    assert judge_reply(reply, without, SECRET) is FORGED


@reply_codes
def test_every_bit_of_a_reply_counts(asked: Code, answered: Code) -> None:
    request = signed(asked, NAME)
    reply = decode(sign_reply(answered, (Attribute(25, b"class"),), request, SECRET))
    headers = headers_of(reply)
    for bit in range(len(encode(reply)) * 8):
        if bit // 8 not in headers:
            assert judge_reply(changed(reply, bit), request, SECRET) is FORGED, bit


@reply_codes
def test_a_reply_answers_its_own_kind_of_request(asked: Code, answered: Code) -> None:
    request = signed(asked, NAME)
    reply = decode(sign_reply(answered, (), request, SECRET))
    for code in REQUESTS:
        if (code, answered) not in REPLIES:
            assert judge_reply(reply, replace(request, code=code), SECRET) is FORGED
            with pytest.raises(UnsendableError):
                sign_reply(answered, (), replace(request, code=code), SECRET)


@pytest.mark.parametrize("code", [0, 2, 13, 255])
def test_nothing_answers_what_is_no_request(code: int) -> None:
    odd = Packet(code, 7, RANDOM, (NAME,))
    assert judge_reply(Packet(2, 7, RANDOM), odd, SECRET) is FORGED
    with pytest.raises(UnsendableError):
        sign_reply(Code.ACCESS_ACCEPT, (), odd, SECRET)


def test_an_accounting_response_may_be_proved_too() -> None:
    theirs = AcctPacket(secret=SECRET_TEXT, dict=Dictionary(), id=7)
    theirs.add_message_authenticator()
    request = decode(theirs.RequestPacket())
    assert judge_request(request, SECRET) is GENUINE
    answer = theirs.CreateReply()
    answer.add_message_authenticator()
    proved = decode(answer.ReplyPacket())
    assert len(proved.attributes) == 1
    assert judge_reply(proved, request, SECRET) is GENUINE
    assert decode(sign_reply(Code.ACCOUNTING_RESPONSE, (), request, SECRET)).attributes == ()


def test_an_access_request_without_proof_gets_a_proved_answer() -> None:
    accept = sign_reply(Code.ACCESS_ACCEPT, (), Packet(1, 7, RANDOM), SECRET)
    assert decode(accept).attributes[0].kind == MESSAGE_AUTHENTICATOR


def test_what_is_added_here_may_not_be_there_already() -> None:
    request = signed(1, NAME)
    with pytest.raises(UnsendableError):
        sign_reply(Code.ACCESS_ACCEPT, (Attribute(PROXY_STATE, b"mine"),), request, SECRET)
    with pytest.raises(UnsendableError):
        sign_reply(Code.ACCESS_ACCEPT, request.attributes, request, SECRET)
    with pytest.raises(UnsendableError):
        sign_request(request, SECRET)
    crowded = signed(1, *[Attribute(PROXY_STATE, bytes(253))] * 15)
    with pytest.raises(UnsendableError):
        sign_reply(Code.ACCESS_ACCEPT, (Attribute(18, bytes(253)),) * 2, crowded, SECRET)


def test_pyrad_believes_what_we_sign() -> None:
    auth = AuthPacket(packet=encode(signed(1, NAME)), secret=SECRET_TEXT, dict=Dictionary())
    assert auth.verify_message_authenticator()
    accounting = AcctPacket(packet=encode(signed(4, NAME)), secret=SECRET_TEXT, dict=Dictionary())
    assert accounting.VerifyAcctRequest()
    assert accounting.verify_message_authenticator()
    for code in (40, 43):
        change = CoAPacket(packet=encode(signed(code, NAME)), secret=SECRET_TEXT, dict=Dictionary())
        assert change.VerifyCoARequest()
        assert change.verify_message_authenticator()


@reply_codes
def test_pyrad_believes_our_replies(asked: Code, answered: Code) -> None:
    theirs = AuthPacket(secret=SECRET_TEXT, dict=Dictionary(), code=asked, id=7)
    request = signed(asked, NAME)
    theirs.authenticator = request.authenticator
    octets = sign_reply(answered, (Attribute(25, b"class"),), request, SECRET)
    proved = asked is not Code.ACCOUNTING_REQUEST
    for reply, believed in ((octets, True), (octets[:-1] + b"!", False)):
        read = theirs.CreateReply(packet=reply)
        assert theirs.VerifyReply(read, reply, enforce_ma=proved) is believed


def test_we_believe_what_pyrad_signs() -> None:
    asked = AuthPacket(secret=SECRET_TEXT, dict=Dictionary(), id=7, authenticator=RANDOM)
    asked.add_message_authenticator()
    request = decode(asked.RequestPacket())
    assert judge_request(request, SECRET) is GENUINE
    assert judge_reply(decode(asked.CreateReply().ReplyPacket()), request, SECRET) is GENUINE
    change = CoAPacket(secret=SECRET_TEXT, dict=Dictionary(), id=7)
    change.add_message_authenticator()
    assert judge_request(decode(change.RequestPacket()), SECRET) is GENUINE


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_the_proof_is_hmac_md5(secret: bytes, octets: bytes) -> None:
    assert _proof(octets, Secret(secret)) == hmac.digest(secret, octets, "md5")
