"""Requests as octets, outcomes as values: what is answered, what is silence, and why."""

import hmac
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.access import Grant, Refuse, Silence, ToPortal
from radius_bridge.accounting import AccountingRecord
from radius_bridge.authenticators import Verdict, judge_reply, sign_request
from radius_bridge.clients import Clients, RadiusClient
from radius_bridge.credentials import NoPassword, PasswordLogin
from radius_bridge.dictionary import Vendor
from radius_bridge.passwords import chap_response, hide_password
from radius_bridge.pipeline import (
    AccessWork,
    AccountingWork,
    Answer,
    Discard,
    Moment,
    Origin,
    Pipeline,
    Service,
)
from radius_bridge.secret import Secret
from radius_bridge.status_brake import BURST
from radius_bridge.vendors.aruba import Aruba
from radius_bridge.wire import Attribute, Code, Packet, decode, encode, vendor_attribute
from tests.radius_bridge.bridge import (
    CLIENT,
    FAMILIES,
    GRANT,
    LEGACY,
    SECRET,
    accounting,
    by_mac,
    by_password,
    request,
    signed,
    status,
)
from tests.radius_bridge.vectors import lines_of

MORNING = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
AUTH = Origin("127.0.0.1", 40_000, "auth", Service.AUTHENTICATION)
ACCT = AUTH._replace(listener="acct", service=Service.ACCOUNTING)
TLS = AUTH._replace(listener="tls 1", service=Service.BOTH)
PORTAL = ToPortal("https://portal.test/?")
PROXY_STATES = [Attribute(33, value) for value in (b"", b"odd", os.urandom(253))]


def at(seconds: float) -> Moment:
    return Moment(1000.0 + seconds, MORNING)


class Stage:
    """A pipeline and one client."""

    def __init__(self, client: RadiusClient = CLIENT, reject_delay_s: float = 1.0) -> None:
        self.client = client
        self.pipeline = Pipeline(Clients([client]), FAMILIES, reject_delay_s=reject_delay_s)

    def receive(
        self, octets: bytes, origin: Origin = AUTH, seconds: float = 0.0
    ) -> bytes | Discard | AccessWork | AccountingWork:
        return self.pipeline.receive(octets, self.client, origin, at(seconds))

    def work(self, octets: bytes, origin: Origin = AUTH, seconds: float = 0.0) -> AccessWork:
        work = self.receive(octets, origin, seconds)
        assert isinstance(work, AccessWork), work
        return work

    def answered(self, packet: Packet, decision: Grant | ToPortal | Refuse) -> Packet:
        """Answer a request, and prove the answer as a client would."""
        octets = signed(packet)
        answer = self.pipeline.answer(self.work(octets), decision)
        assert isinstance(answer, Answer)
        reply = decode(answer.octets)
        assert judge_reply(reply, decode(octets), SECRET) is Verdict.GENUINE
        assert [kind for kind, _ in reply.attributes].index(80) == 0
        return reply

    def counted(self, what: str) -> int:
        return self.pipeline.counters.of(self.client.name).get(what, 0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def unsigned(packet: Packet) -> bytes:
    return encode(packet)


def with_proof_at(packet: Packet, place: int) -> bytes:
    """Sign with Message-Authenticator at another place than the first."""
    attributes = list(packet.attributes)
    attributes.insert(place, Attribute(80, bytes(16)))
    blank = replace(packet, attributes=tuple(attributes))
    proof = hmac.digest(SECRET.reveal(), encode(blank), "md5")
    attributes[place] = Attribute(80, proof)
    return encode(replace(packet, attributes=tuple(attributes)))


def spoilt(octets: bytes) -> bytes:
    """The same with one bit of the last octet turned."""
    return octets[:-1] + bytes((octets[-1] ^ 1,))


# --- what is no packet, or not for us


@pytest.mark.parametrize("length", [0, 1, 19, 20, 4096, 4097])
def test_lengths_that_do_not_fit_are_silence(stage: Stage, length: int) -> None:
    octets = bytes((1, 7)) + length.to_bytes(2, "big") + bytes(16)
    outcome = stage.receive(octets + bytes(60))
    assert isinstance(outcome, Discard)
    assert stage.counted(outcome) == 1


def test_every_malformed_packet_is_silence(stage: Stage) -> None:
    for line in lines_of("malformed.txt"):
        octets = bytes.fromhex(line.partition(" ")[2].replace("A", bytes(16).hex()))
        assert isinstance(stage.receive(octets), Discard)
    assert stage.counted(Discard.ATTRIBUTE_LENGTH) > 0
    assert stage.counted(Discard.TRUNCATED) > 0


def test_the_30_octets_that_held_another_server(stage: Stage) -> None:
    octets = bytes.fromhex("0100001e") + bytes(16) + bytes.fromhex("1a0a0000000901007878")
    assert stage.receive(octets) is Discard.UNPROVEN


def test_padding_behind_a_packet_is_ignored(stage: Stage) -> None:
    assert stage.work(signed(by_mac(1)) + b"\0" * 50)


@pytest.mark.parametrize("code", sorted(set(range(256)) - {1, 12}))
def test_other_codes_are_silence_on_the_authentication_port(stage: Stage, code: int) -> None:
    assert stage.receive(encode(replace(by_mac(1), code=code))) is Discard.CODE
    assert not Discard.CODE.closes


@pytest.mark.parametrize("code", sorted(set(range(256)) - {4, 12}))
def test_other_codes_are_silence_on_the_accounting_port(stage: Stage, code: int) -> None:
    assert stage.receive(encode(replace(by_mac(1), code=code)), ACCT) is Discard.CODE


def test_one_port_serves_all_codes_over_tls(stage: Stage) -> None:
    assert isinstance(stage.receive(signed(by_mac(1)), TLS), AccessWork)
    assert isinstance(stage.receive(signed(accounting(2)), TLS), AccountingWork)
    reply = stage.receive(signed(status(3)), TLS)
    assert isinstance(reply, bytes)
    assert decode(reply).code == Code.ACCESS_ACCEPT


def test_a_stranger_is_counted_and_nobody() -> None:
    pipeline = Stage().pipeline
    assert pipeline.find("192.0.2.66", at(0)) is None
    assert pipeline.find("::ffff:127.0.0.1", at(0)) == CLIENT
    (stranger,) = pipeline.counters.strangers()
    assert (stranger.address, stranger.count, stranger.last_seen) == ("192.0.2.66", 1, MORNING)


@pytest.mark.parametrize(
    ("why", "closes"),
    [
        (Discard.TRUNCATED, True),
        (Discard.LENGTH, True),
        (Discard.ATTRIBUTE_LENGTH, True),
        (Discard.FORGED, True),
        (Discard.STRANGER, True),
        (Discard.CODE, False),
        (Discard.IN_WORK, False),
        (Discard.OVERLOAD, False),
    ],
)
def test_what_ends_a_connection(why: Discard, closes: bool) -> None:
    assert why.closes is closes


def test_a_repetition_is_no_news() -> None:
    assert [why for why in Discard if not why.is_news] == [Discard.IN_WORK]


# --- Message-Authenticator and Proxy-State (T39, CVE-2024-3596)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_proof_counts_wherever_it_stands(stage: Stage, place: int) -> None:
    assert stage.work(with_proof_at(by_mac(1), place)).question.is_mac_authentication


def test_without_proof_there_is_silence(stage: Stage) -> None:
    assert stage.receive(unsigned(by_mac(1))) is Discard.UNPROVEN


def test_an_exception_serves_without_proof_and_is_counted() -> None:
    stage = Stage(LEGACY)
    assert isinstance(stage.receive(unsigned(by_mac(1))), AccessWork)
    assert stage.counted("served_without_message_authenticator") == 1
    assert isinstance(stage.receive(signed(by_mac(2))), AccessWork)
    assert stage.counted("served_without_message_authenticator") == 1


def test_proxy_state_without_proof_is_what_the_attack_needs() -> None:
    packet = replace(by_mac(1), attributes=(*by_mac(1).attributes, *PROXY_STATES))
    stage = Stage(LEGACY)
    assert stage.receive(unsigned(packet)) is Discard.UNPROVEN_PROXY_STATE
    assert isinstance(stage.receive(signed(packet)), AccessWork)
    unlimited = Stage(replace(LEGACY, limit_proxy_state=False))
    assert isinstance(unlimited.receive(unsigned(packet)), AccessWork)


@pytest.mark.parametrize("client", [CLIENT, LEGACY, replace(LEGACY, limit_proxy_state=False)])
def test_a_wrong_proof_is_silence_whatever_the_exceptions(client: RadiusClient) -> None:
    stage = Stage(client)
    right = signed(by_mac(1))
    wrong = right[:22] + bytes(16) + right[38:]
    short = encode(replace(by_mac(1), attributes=(Attribute(80, bytes(15)),)))
    twice = encode(replace(decode(right), attributes=(*decode(right).attributes[:1] * 2,)))
    for octets in (wrong, short, twice, signed(by_mac(1), Secret(b"another secret"))):
        assert stage.receive(octets) is Discard.FORGED


@given(st.integers(0, 8 * 200))
def test_every_bit_of_a_request_is_proved(bit: int) -> None:
    octets = bytearray(signed(by_password(1, "alice", b"wonder")))
    octets[bit // 8 % len(octets)] ^= 1 << bit % 8
    assert isinstance(Stage().receive(bytes(octets)), Discard)


def test_a_forged_packet_does_not_touch_the_cache(stage: Stage) -> None:
    octets = signed(by_mac(1))
    work = stage.work(octets)
    forged = octets[:4] + os.urandom(16) + octets[20:]
    assert stage.receive(forged) is Discard.FORGED
    assert stage.receive(octets) is Discard.IN_WORK
    answer = stage.pipeline.answer(work, GRANT)
    assert isinstance(answer, Answer)
    stage.pipeline.sent(work, answer.octets)
    assert stage.receive(forged) is Discard.FORGED
    assert stage.receive(octets) == answer.octets


@pytest.mark.parametrize("decision", [GRANT, PORTAL, Refuse(), Refuse("Fel kod")])
def test_proxy_states_are_copied_in_order_behind_all_else(
    stage: Stage, decision: Grant | ToPortal | Refuse
) -> None:
    packet = by_mac(1)
    places = (PROXY_STATES[0], *packet.attributes, *PROXY_STATES[1:])
    reply = stage.answered(replace(packet, attributes=places), decision)
    assert list(reply.attributes[-3:]) == PROXY_STATES
    assert [one for one in reply.attributes if one.kind == 33] == PROXY_STATES


def test_accounting_copies_proxy_states_too(stage: Stage) -> None:
    packet = accounting(1)
    work = stage.receive(
        signed(replace(packet, attributes=(*PROXY_STATES, *packet.attributes))), ACCT
    )
    assert isinstance(work, AccountingWork)
    assert list(decode(stage.pipeline.acknowledge(work)).attributes) == PROXY_STATES


def test_more_proxy_states_than_a_reply_can_hold(stage: Stage) -> None:
    packet = replace(by_mac(1), attributes=(*by_mac(1).attributes, *PROXY_STATES[2:] * 14))
    work = stage.work(signed(packet))
    much = replace(GRANT, proof=(Attribute(18, bytes(253)),) * 3)
    assert stage.pipeline.answer(work, much) is Discard.TOO_LONG
    assert isinstance(stage.receive(signed(packet)), AccessWork)  # abandoned, so done anew


def test_what_a_vendor_cannot_write_is_too_long_as_well() -> None:
    """Its attributes have less room, and say so before the reply is put together."""
    pipeline = Pipeline(Clients([CLIENT]), {CLIENT.family: Aruba()})
    octets = signed(by_mac(1))
    for _ in range(2):  # what was abandoned is worked on anew
        work = pipeline.receive(octets, CLIENT, AUTH, at(0))
        assert isinstance(work, AccessWork)
        assert pipeline.answer(work, replace(GRANT, role="x" * 248)) is Discard.TOO_LONG


# --- duplicates (RFC 5080 section 2.2.2)


def test_the_same_packet_gets_the_same_octets(stage: Stage) -> None:
    octets = signed(by_mac(1))
    work = stage.work(octets)
    assert stage.receive(octets) is Discard.IN_WORK
    answer = stage.pipeline.answer(work, GRANT)
    assert isinstance(answer, Answer)
    assert stage.receive(octets) is Discard.IN_WORK  # not sent yet: a delayed Reject stays so
    stage.pipeline.sent(work, answer.octets)
    assert stage.receive(octets) == answer.octets
    assert stage.receive(octets, seconds=29.0) == answer.octets
    assert isinstance(stage.receive(octets, seconds=31.0), AccessWork)
    assert (stage.counted("accepted"), stage.counted("answered_again")) == (1, 2)


def test_another_authenticator_is_another_request(stage: Stage) -> None:
    first, second = signed(by_mac(1)), signed(by_mac(1))
    old = stage.work(first)
    new = stage.work(second)
    answer = stage.pipeline.answer(old, GRANT)
    assert isinstance(answer, Answer)
    stage.pipeline.sent(old, answer.octets)
    assert stage.receive(second) is Discard.IN_WORK
    stage.pipeline.sent(new, b"\2 the second")
    assert stage.receive(second) == b"\2 the second"


@pytest.mark.parametrize(
    "other",
    [
        AUTH._replace(address="127.0.0.2"),
        AUTH._replace(port=40_001),
        AUTH._replace(listener="auth 2"),
    ],
)
def test_another_way_in_is_another_request(stage: Stage, other: Origin) -> None:
    octets = signed(by_mac(1))
    stage.work(octets)
    assert isinstance(stage.receive(octets, other), AccessWork)


def test_a_flood_of_one_client_pushes_out_its_own_only(stage: Stage) -> None:
    mine = AUTH._replace(address="127.0.0.2")
    octets = signed(by_mac(1))
    stage.work(octets, mine)
    for number in range(6000):
        origin = AUTH._replace(port=number // 256)
        stage.receive(signed(request(number % 256)), origin)
    assert stage.receive(octets, mine) is Discard.IN_WORK


def test_silence_of_the_policy_is_asked_again(stage: Stage) -> None:
    octets = signed(by_mac(1))
    assert stage.pipeline.answer(stage.work(octets), Silence()) is Discard.UNDECIDED
    assert isinstance(stage.receive(octets), AccessWork)


# --- Status-Server (RFC 5997)


@pytest.mark.parametrize(
    ("origin", "code"), [(AUTH, Code.ACCESS_ACCEPT), (ACCT, Code.ACCOUNTING_RESPONSE)]
)
def test_status_is_answered_on_both_ports(stage: Stage, origin: Origin, code: Code) -> None:
    packet = replace(status(1), attributes=(Attribute(33, b"proxy"),))
    reply = stage.receive(signed(packet), origin)
    assert isinstance(reply, bytes)
    assert judge_reply(decode(reply), decode(signed(packet)), SECRET) is Verdict.GENUINE
    assert decode(reply).code == code
    assert [kind for kind, _ in decode(reply).attributes] == [80, 33]


@pytest.mark.parametrize("client", [CLIENT, LEGACY])
def test_status_without_proof_is_silence(client: RadiusClient) -> None:
    assert Stage(client).receive(unsigned(status(1))) is Discard.FORGED


def test_status_is_answered_so_often_only(stage: Stage) -> None:
    outcomes = [stage.receive(signed(status(number))) for number in range(BURST + 5)]
    assert [isinstance(one, bytes) for one in outcomes] == [True] * BURST + [False] * 5
    assert stage.receive(signed(status(99))) is Discard.TOO_OFTEN
    assert isinstance(stage.receive(signed(status(100)), seconds=1.0), bytes)
    other = AUTH._replace(address="127.0.0.2")
    assert isinstance(stage.receive(signed(status(101)), other, seconds=1.0), bytes)


def test_addresses_that_asked_are_forgotten_in_time(stage: Stage) -> None:
    for number in range(10_010):
        origin = AUTH._replace(address=f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        assert isinstance(stage.receive(signed(status(1)), origin), bytes)


def test_status_is_silent_while_accounting_cannot_be_written(stage: Stage) -> None:
    stage.pipeline.can_account = False
    assert stage.receive(signed(status(1)), ACCT) is Discard.NOT_WRITTEN
    assert isinstance(stage.receive(signed(status(2)), AUTH), bytes)


# --- how somebody logs in


def test_a_password_is_read_and_nowhere_shown(stage: Stage) -> None:
    work = stage.work(signed(by_password(1, "alice", b"wonder")))
    assert isinstance(work.question.credential, PasswordLogin)
    assert work.question.credential.password.reveal() == b"wonder"
    assert "wonder" not in repr(work)
    assert work.decision is None


def test_eap_gets_a_clean_reject(stage: Stage) -> None:
    eap = bytes.fromhex("02f1000a01616c696365")
    packet = request(1, Attribute(79, eap), User_Name="alice")
    work = stage.work(signed(packet))
    assert work.decision == Refuse()
    reply = stage.answered(replace(packet, identifier=2), Refuse("Fel kod"))
    assert reply.code == Code.ACCESS_REJECT
    assert reply.first(79) == bytes.fromhex("04f10004")
    assert reply.first(18) is None


def test_eap_that_is_cut_is_rejected_too(stage: Stage) -> None:
    reply = stage.answered(request(1, Attribute(79, b"\2")), Refuse("Fel kod"))
    assert [kind for kind, _ in reply.attributes] == [80]


def test_eap_without_proof_is_silence() -> None:
    packet = request(1, Attribute(79, bytes.fromhex("02f1000a01616c696365")))
    assert Stage(LEGACY).receive(unsigned(packet)) is Discard.FORGED


def test_eap_in_the_name_of_a_device_is_no_mac_authentication(stage: Stage) -> None:
    packet = by_mac(1)
    eap = Attribute(79, bytes.fromhex("02f1000a01616c696365"))
    work = stage.work(signed(replace(packet, attributes=(*packet.attributes, eap))))
    assert work.decision == Refuse()


def test_two_ways_to_log_in_are_none(stage: Stage) -> None:
    chap = Attribute(3, chap_response(1, Secret(b"wonder"), bytes(16)))
    work = stage.work(signed(by_password(1, "alice", b"wonder", chap)))
    assert work.question.credential is NoPassword.CONTRADICTORY
    assert work.decision == Refuse()


@pytest.mark.parametrize("length", [0, 15, 16, 128, 129, 144])
def test_a_password_has_whole_blocks(stage: Stage, length: int) -> None:
    work = stage.work(signed(request(1, Attribute(2, bytes(length)), User_Name="alice")))
    is_refused = work.decision is not None
    assert is_refused is (length not in {16, 128})


def test_rights_do_not_follow_from_nas_port_type(stage: Stage) -> None:
    """T43: the question is the same whatever the attribute says."""
    questions = [
        stage.work(signed(request(number, Attribute(61, kind), User_Name="x"))).question
        for number, kind in enumerate((b"\0\0\0\x13", b"\0\0\0\x0f", b"\0\0\0\x05", b"", b"\xff"))
    ]
    assert all(question == questions[0] for question in questions)


# --- decisions as replies


def test_a_grant_is_an_accept(stage: Stage) -> None:
    reply = stage.answered(by_mac(1), GRANT)
    assert (reply.code, reply.first(25), reply.first(89)) == (2, b"session-1", None)


def test_the_portal_is_a_redirect_or_a_reject_without_delay(stage: Stage) -> None:
    assert stage.answered(by_mac(1), replace(PORTAL, role="guests")).first(11) == b"guests"
    answer = stage.pipeline.answer(stage.work(signed(by_mac(2))), PORTAL)
    assert isinstance(answer, Answer)
    assert (answer.octets[0], answer.delay_s) == (Code.ACCESS_REJECT, 0.0)


def test_a_refusal_takes_its_time_and_may_say_why(stage: Stage) -> None:
    answer = stage.pipeline.answer(stage.work(signed(by_mac(1))), Refuse("Fel kod"))
    assert isinstance(answer, Answer)
    assert answer.delay_s == 1.0
    assert decode(answer.octets).first(18) == b"Fel kod"
    assert stage.answered(by_mac(2), Refuse()).first(18) is None
    long = stage.answered(by_mac(3), Refuse("å" * 200)).first(18)
    assert long == ("å" * 126).encode()


@pytest.mark.parametrize(
    ("asked", "granted", "expected"),
    [
        (None, b"cui-1", None),
        (None, None, None),
        (b"\0", b"cui-1", b"cui-1"),
        (b"", b"cui-1", b"cui-1"),
        (b"cui-1", b"cui-1", b"cui-1"),
        (b"\0", None, b"session-1"),
    ],
)
def test_who_asks_for_a_cui_gets_one(
    stage: Stage, asked: bytes | None, granted: bytes | None, expected: bytes | None
) -> None:
    packet = by_mac(1)
    if asked is not None:
        packet = replace(packet, attributes=(*packet.attributes, Attribute(89, asked)))
    reply = stage.answered(packet, replace(GRANT, cui=granted))
    assert (reply.code, reply.first(89)) == (Code.ACCESS_ACCEPT, expected)


def test_a_client_that_knows_another_cui_is_told_the_new_one(stage: Stage) -> None:
    """A remembered device is let in before anybody knows whose it is; it stays in."""
    packet = by_mac(1)
    packet = replace(packet, attributes=(*packet.attributes, Attribute(89, b"cui-2")))
    reply = stage.answered(packet, replace(GRANT, cui=b"cui-1"))
    assert (reply.code, reply.first(89)) == (Code.ACCESS_ACCEPT, b"cui-1")


# --- accounting


def test_a_record_is_written_before_it_is_acknowledged(stage: Stage) -> None:
    octets = signed(accounting(1))
    work = stage.receive(octets, ACCT)
    assert isinstance(work, AccountingWork)
    assert isinstance(work.record, AccountingRecord)
    assert work.record.arrived_at == MORNING
    assert stage.receive(octets, ACCT) is Discard.IN_WORK
    reply = stage.pipeline.acknowledge(work)
    assert judge_reply(decode(reply), decode(octets), SECRET) is Verdict.GENUINE
    stage.pipeline.sent(work, reply)
    assert stage.receive(octets, ACCT) == reply
    assert stage.counted("accounted") == 1


def test_a_record_that_was_not_written_comes_again(stage: Stage) -> None:
    octets = signed(accounting(1))
    work = stage.receive(octets, ACCT)
    assert isinstance(work, AccountingWork)
    assert stage.pipeline.abandon(work, Discard.NOT_WRITTEN) is Discard.NOT_WRITTEN
    assert isinstance(stage.receive(octets, ACCT), AccountingWork)


@pytest.mark.parametrize("client", [CLIENT, LEGACY])
def test_accounting_needs_its_authenticator(client: RadiusClient) -> None:
    """T41: a forged Stop changes nothing."""
    stage = Stage(client)
    octets = signed(accounting(1, 2))
    zeros = octets[:4] + bytes(16) + octets[20:]
    other = signed(accounting(1, 2), Secret(b"another secret"))
    without = encode(replace(accounting(1, 2), authenticator=bytes(16)))
    for forged in (spoilt(octets), zeros, other, without):
        assert stage.receive(forged, ACCT) is Discard.FORGED


def test_a_replayed_stop_is_answered_from_the_cache(stage: Stage) -> None:
    octets = signed(accounting(1, 2))
    work = stage.receive(octets, ACCT)
    assert isinstance(work, AccountingWork)
    stage.pipeline.sent(work, stage.pipeline.acknowledge(work))
    assert isinstance(stage.receive(octets, ACCT), bytes)


def test_what_makes_no_record(stage: Stage) -> None:
    incomplete = signed(request(1, code=Code.ACCOUNTING_REQUEST))
    assert stage.receive(incomplete, ACCT) is Discard.INCOMPLETE
    tunnel = signed(accounting(2, 9))
    reply = stage.receive(tunnel, ACCT)
    assert isinstance(reply, bytes)
    assert decode(reply).code == Code.ACCOUNTING_RESPONSE
    assert stage.receive(tunnel, ACCT) == reply


def test_a_family_turns_the_octets() -> None:
    class Turned:
        def counted(self, record: AccountingRecord, packet: Packet) -> AccountingRecord:
            assert packet.code == Code.ACCOUNTING_REQUEST
            return record._replace(upload_octets=record.download_octets, download_octets=None)

    pipeline = Pipeline(Clients([CLIENT]), {CLIENT.family: Turned()})  # type: ignore[dict-item]
    work = pipeline.receive(signed(accounting(1, Acct_Output_Octets=7)), CLIENT, ACCT, at(0))
    assert isinstance(work, AccountingWork)
    assert work.record.upload_octets == 7


def test_a_new_secret_holds_at_once_and_old_work_keeps_its_own(stage: Stage) -> None:
    old = signed(by_mac(1))
    work = stage.work(old)
    changed = replace(CLIENT, secret=Secret(b"the secret of tomorrow"))
    stage.client = changed
    assert stage.receive(signed(by_mac(2))) is Discard.FORGED
    assert isinstance(stage.receive(signed(by_mac(3), changed.secret)), AccessWork)
    answer = stage.pipeline.answer(work, GRANT)
    assert isinstance(answer, Answer)
    assert judge_reply(decode(answer.octets), decode(old), SECRET) is Verdict.GENUINE


# --- anything


def hostile(seed: bytes) -> Iterator[bytes]:
    packet = request(
        7, *PROXY_STATES[:1], vendor_attribute(Vendor.CISCO, 1, seed[:200]), User_Name="x"
    )
    yield seed
    yield bytes((1, 7)) + (20 + len(seed)).to_bytes(2, "big") + bytes(16) + seed
    yield signed(packet)[: len(seed)] + seed
    for code in (Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER):
        kinds = [Attribute(kind % 256, seed[:253]) for kind in seed[:12] if kind not in {33, 80}]
        yield sign_request(Packet(code, 7, bytes(16), tuple(kinds)), SECRET)


@given(st.binary(max_size=400))
def test_anything_is_taken(seed: bytes) -> None:
    """Noise, and noise that was signed: there is always one of the four outcomes."""
    stage = Stage(replace(LEGACY, networks=(ip_network("0.0.0.0/0"),)))
    for octets in hostile(seed):
        for origin in (AUTH, ACCT, TLS):
            outcome = stage.receive(octets, origin)
            if isinstance(outcome, AccessWork):
                assert stage.pipeline.answer(outcome, outcome.decision or GRANT)
            elif isinstance(outcome, AccountingWork):
                stage.pipeline.sent(outcome, stage.pipeline.acknowledge(outcome))
            else:
                assert isinstance(outcome, bytes | Discard)


def test_a_hidden_password_of_another_client_is_noise(stage: Stage) -> None:
    hidden = Attribute(2, hide_password(Secret(b"wonder"), bytes(16), Secret(b"other")))
    packet = request(1, hidden, authenticator=bytes(16), User_Name="alice")
    credential = stage.work(signed(packet)).question.credential
    assert isinstance(credential, PasswordLogin)
    assert credential.password.reveal() != b"wonder"
