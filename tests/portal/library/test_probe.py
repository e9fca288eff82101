from collections.abc import Callable, Sequence

import pytest

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.demo_library import LOGIN_PASSWORD, LOGIN_USER, build_server
from portal.library.probe import (
    Finding,
    ProbeResult,
    Step,
    made_up_card_beside,
    probe,
    wrong_pin_beside,
)
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2Settings, TlsMode, TlsSettings
from portal.library.sip2.wire import PatronMessage
from tests.peers.sip2_misbehaving import Behaviour, HangUp, Peer, field_of, patron_answer, serving
from tests.peers.sip2_misbehaving import Step as PeerStep

CARD, PIN = Secret("20000000000001"), Secret("1234")
PEER_PASSWORD = Secret("s3cret")
STATUS, INFORMATION = PatronMessage.STATUS, PatronMessage.INFORMATION


def library_at(
    port: int, user: str = "portal", password: Secret = PEER_PASSWORD
) -> Callable[[PatronMessage], Sip2Library]:
    def make(message: PatronMessage) -> Sip2Library:
        return Sip2Library(
            Sip2Settings(
                host="127.0.0.1",
                port=port,
                tls=TlsSettings(TlsMode.OFF),
                login_user=user,
                login_password=password,
                message=message,
            )
        )

    return make


async def probe_peer(behaviours: dict[bytes, Behaviour], card: Secret = CARD) -> ProbeResult:
    async with serving(Peer(behaviours)) as peer:
        return await probe(library_at(peer.port), card, PIN)


def saying(fields: bytes) -> Behaviour:
    def behave(request: bytes, _answer: bytes) -> list[PeerStep]:
        card = field_of(request, b"AA")
        return [patron_answer(request, b"AA" + card + b"|AEEva Berg|" + fields) + b"\r"]

    return behave


async def test_an_independent_library_system_may_be_switched_on() -> None:
    async with build_server().start() as port:
        found = await probe(library_at(port, LOGIN_USER, Secret(LOGIN_PASSWORD)), CARD, PIN)
    assert found.may_be_switched_on
    assert found.message is STATUS
    assert [(step.step, step.got, step.ok) for step in found.steps] == [
        (Step.ANSWERS, Verification.OK, True),
        (Step.RIGHT_PIN, Verification.OK, True),
        (Step.WRONG_PIN, Verification.BAD_CREDENTIALS, True),
        (Step.MADE_UP_CARD, Verification.BAD_CREDENTIALS, True),
    ]


async def test_where_23_does_not_check_the_pin_63_is_tried() -> None:
    found = await probe_peer({b"23": saying(b"BLY|")})
    assert found.may_be_switched_on
    assert found.message is INFORMATION
    assert [step.message for step in found.steps] == [STATUS] * 2 + [INFORMATION] * 4


def wrong_pin_passes(request: bytes, answer: bytes) -> Sequence[PeerStep]:
    known = field_of(request, b"AA") == b"20000000000001"
    return saying(b"BLY|CQY|")(request, answer) if known else [answer + b"\r"]


def made_up_card_passes(request: bytes, answer: bytes) -> Sequence[PeerStep]:
    known = field_of(request, b"AA") == b"20000000000001"
    return [answer + b"\r"] if known else saying(b"BLY|CQY|")(request, answer)


def hang_up(_request: bytes, _answer: bytes) -> list[PeerStep]:
    return [HangUp()]


def lost_card(request: bytes, _answer: bytes) -> list[PeerStep]:
    fields = b"AA" + field_of(request, b"AA") + b"|AEEva Berg|BLY|CQY|"
    return [patron_answer(request, fields, b"    Y         ") + b"\r"]


@pytest.mark.parametrize(
    ("behaviours", "finding", "last_step"),
    [
        ({b"23": wrong_pin_passes}, Finding.WRONG_PIN_PASSES, Step.WRONG_PIN),
        ({b"23": made_up_card_passes}, Finding.MADE_UP_CARD_PASSES, Step.MADE_UP_CARD),
        ({b"23": saying(b"BLY|CQY|")}, Finding.WRONG_PIN_PASSES, Step.WRONG_PIN),
        ({b"23": saying(b"BLN|")}, Finding.TEST_CARD_REFUSED, Step.RIGHT_PIN),
        ({b"23": lost_card}, Finding.TEST_CARD_BLOCKED, Step.RIGHT_PIN),
        ({b"23": hang_up}, Finding.NO_ANSWER, Step.RIGHT_PIN),
        ({b"93": hang_up}, Finding.NO_ANSWER, Step.ANSWERS),
        (
            {b"23": saying(b"BLY|CQ|"), b"63": saying(b"BLY|")},
            Finding.PIN_NOT_CHECKED,
            Step.RIGHT_PIN,
        ),
        (
            {b"23": saying(b"BLY|"), b"63": wrong_pin_passes},
            Finding.WRONG_PIN_PASSES,
            Step.WRONG_PIN,
        ),
        ({b"93": lambda _request, _answer: [b"940\r"]}, Finding.PORTAL_REFUSED, Step.ANSWERS),
    ],
)
async def test_a_system_that_fails_stays_off_and_says_why(
    behaviours: dict[bytes, Behaviour], finding: Finding, last_step: Step
) -> None:
    found = await probe_peer(behaviours)
    assert found.finding is finding
    assert not found.may_be_switched_on
    assert found.steps[-1].step is last_step
    assert not found.steps[-1].ok
    assert found.explanation


async def test_a_dead_system_stays_off_and_names_the_reason() -> None:
    async with serving(Peer()) as peer:
        port = peer.port
    found = await probe(library_at(port), CARD, PIN)
    assert found.finding is Finding.NO_ANSWER
    assert found.steps[0].reason == "connect_failed"


async def test_one_message_may_be_asked_for() -> None:
    async with serving(Peer()) as peer:
        found = await probe(library_at(peer.port), CARD, PIN, (INFORMATION,))
        assert found.may_be_switched_on
        assert peer.messages(b"23") == []


@pytest.mark.parametrize(
    ("pin", "wrong"), [("1234", "1231"), ("0001", "0002"), ("1", "2"), ("abcd", "abc1")]
)
def test_the_wrong_pin_has_the_shape_of_the_right_one(pin: str, wrong: str) -> None:
    assert wrong_pin_beside(Secret(pin)) == Secret(wrong)


@pytest.mark.parametrize(
    ("card", "made_up"),
    [("20000000000001", "9" * 14), ("9999", "8888"), ("B-47", "B-99"), ("kalle", "kalle9")],
)
def test_the_made_up_card_has_the_shape_of_the_real_one(card: str, made_up: str) -> None:
    assert made_up_card_beside(Secret(card)) == Secret(made_up)


def test_every_finding_has_its_line() -> None:
    for finding in Finding:
        assert ProbeResult(finding, STATUS, ()).explanation
