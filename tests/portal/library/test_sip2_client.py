import asyncio
import random
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.demo_library import INSTITUTION, LOGIN_PASSWORD, LOGIN_USER, build_server
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2Settings, TlsMode, TlsSettings
from portal.library.sip2.verdict import ExpiryCheck
from portal.library.sip2.wire import LONGEST_FRAME, PatronMessage
from tests.peers.sip2_misbehaving import (
    Behaviour,
    Drip,
    HangUp,
    Hold,
    Peer,
    Reset,
    Step,
    Wait,
    patron_answer,
    sealed,
    serving,
)
from tests.ports import free_port

if TYPE_CHECKING:
    from portal.services.ports import LibrarySystem

CARD, PIN = Secret("20000000000001"), Secret("1234")
OTHER_CARD = b"20000000000007"
UNAVAILABLE = Verification.UNAVAILABLE


def settings(port: int, **changes: Any) -> Sip2Settings:
    plain = Sip2Settings(
        host="127.0.0.1",
        port=port,
        tls=TlsSettings(TlsMode.OFF),
        login_user="portal",
        login_password=Secret("s3cret"),
        institution_id="LAB",
    )
    return replace(plain, **changes)


def impatient(port: int, **changes: Any) -> Sip2Settings:
    """For neighbours that never answer: what is waited for does not come."""
    return settings(port, answer_timeout_s=0.2, login_timeout_s=1.0, **changes)


# --- the contract, on two independent servers in several dialects ---


Around = Callable[[], AbstractAsyncContextManager[Sip2Settings]]


@asynccontextmanager
async def pysip2_neighbour(**changes: Any) -> AsyncIterator[Sip2Settings]:
    server = build_server()
    server.field_delimiter = changes.get("delimiter", "|")
    server.encoding = changes.get("encoding", "utf-8")
    if changes.get("error_detection", True):
        server.error_detection = "required"
    async with server.start() as port:
        yield settings(
            port,
            login_user=LOGIN_USER,
            login_password=Secret(LOGIN_PASSWORD),
            institution_id=INSTITUTION,
            **changes,
        )


@asynccontextmanager
async def own_neighbour(**changes: Any) -> AsyncIterator[Sip2Settings]:
    async with serving(Peer()) as peer:
        yield settings(peer.port, **changes)


INFORMATION = PatronMessage.INFORMATION
NEIGHBOURS: dict[str, Around] = {
    "pysip2": pysip2_neighbour,
    "pysip2-plain": lambda: pysip2_neighbour(error_detection=False),
    "pysip2-information": lambda: pysip2_neighbour(message=INFORMATION),
    "pysip2-cp850-caret": lambda: pysip2_neighbour(encoding="cp850", delimiter="^"),
    "pysip2-no-status": lambda: pysip2_neighbour(send_status=False),
    "own": own_neighbour,
    "own-plain": lambda: own_neighbour(error_detection=False),
    "own-information": lambda: own_neighbour(message=INFORMATION),
    "own-access-by-address": lambda: own_neighbour(login_user="", send_status=False),
}


# A context in the test, not a fixture: pysip2's cancel scope must end in the task it began in.
each_neighbour = pytest.mark.parametrize("around", NEIGHBOURS.values(), ids=NEIGHBOURS)


@each_neighbour
async def test_the_right_pin_is_ok_and_all_else_is_not(around: Around) -> None:
    async with around() as neighbour:
        library: LibrarySystem = Sip2Library(neighbour)
        assert await library.verify(CARD, PIN) is Verification.OK
        assert await library.verify(CARD, Secret("9998")) is Verification.BAD_CREDENTIALS
        assert await library.verify(Secret("29999999999999"), PIN) is Verification.BAD_CREDENTIALS


@each_neighbour
async def test_a_ping_asks_about_nobody(around: Around) -> None:
    async with around() as neighbour:
        assert await Sip2Library(neighbour).ping() == Checked(Verification.OK)


@each_neighbour
async def test_nobody_gets_another_s_answer(around: Around) -> None:
    pins = [("20000000000001", "1234"), ("20000000000001", "4321"), ("29999999999999", "1234")] * 20
    async with around() as neighbour:
        shared = replace(neighbour, maximum_connections=4, maximum_waiting=100)
        library = Sip2Library(replace(shared, answer_timeout_s=20.0, login_timeout_s=60.0))
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(library.verify(Secret(card), Secret(pin))) for card, pin in pins
            ]
    found = [task.result() for task in asked]
    refused = Verification.BAD_CREDENTIALS
    assert found == [Verification.OK, refused, refused] * 20


@pytest.mark.parametrize(
    "value", ["", "123|ADx|", "4711|AD0000", "1\r9300", "1\n", "1\0", "1" * 65]
)
async def test_field_injection_never_leaves_the_portal(value: str) -> None:
    async with serving(Peer()) as peer:
        library = Sip2Library(settings(peer.port))
        assert await library.verify(Secret(value), PIN) is Verification.BAD_CREDENTIALS
        assert await library.verify(CARD, Secret(value)) is Verification.BAD_CREDENTIALS
        assert peer.received == []


async def test_a_dead_neighbour_is_unavailable(logs: list[MutableMapping[str, Any]]) -> None:
    library = Sip2Library(settings(free_port()))
    assert await library.check(CARD, PIN) == Checked(
        UNAVAILABLE, "connect_failed", neighbour_failed=True
    )
    assert await library.ping() == Checked(UNAVAILABLE, "connect_failed", neighbour_failed=True)
    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        ("library_gave_no_answer", "connect_failed")
    ] * 2


# --- the demonstration's patrons ---


@pytest.mark.parametrize(
    ("card", "pin", "outcome"),
    [
        ("20000000000001", "1234", "ok"),
        ("20000000000001", "2345", "bad_credentials"),
        ("20000000000002", "2345", "blocked"),
        ("20000000000002", "1234", "bad_credentials"),
        ("20000000000003", "3456", "expired"),
        ("20000000000003", "1234", "bad_credentials"),
        ("20000000000004", "1234", "bad_credentials"),
    ],
)
async def test_the_demonstration_s_cards(card: str, pin: str, outcome: str) -> None:
    changes = {"message": INFORMATION, "check_expiry": ExpiryCheck.PA}
    async with pysip2_neighbour(**changes) as neighbour:
        library = Sip2Library(neighbour)
        assert await library.verify(Secret(card), Secret(pin)) == outcome


async def test_a_refused_login_is_our_fault_not_the_patron_s(
    logs: list[MutableMapping[str, Any]],
) -> None:
    async with pysip2_neighbour() as neighbour:
        library = Sip2Library(replace(neighbour, login_password=Secret("wrong")))
        assert await library.check(CARD, PIN) == Checked(
            Verification.REFUSED_BY_SERVER, "login_refused"
        )
    assert (logs[-1]["event"], logs[-1]["log_level"]) == ("library_refused_the_portal", "error")


async def test_a_server_that_requires_checksums_refuses_a_portal_without() -> None:
    async with pysip2_neighbour() as neighbour:
        library = Sip2Library(replace(neighbour, error_detection=False))
        assert await library.check(CARD, PIN) == Checked(
            Verification.REFUSED_BY_SERVER, "error_detection_required"
        )


# --- neighbours that do wrong ---


def silence(_request: bytes, _answer: bytes) -> list[Step]:
    return []


def hang_up(_request: bytes, _answer: bytes) -> list[Step]:
    return [HangUp()]


def reset(_request: bytes, _answer: bytes) -> list[Step]:
    return [Reset()]


def slow(_request: bytes, answer: bytes) -> list[Step]:
    return [Wait(0.4), answer + b"\r"]


def drip(_request: bytes, answer: bytes) -> list[Step]:
    return [Drip(answer * 100 + b"\r", 0.02)]


def half_then_silence(_request: bytes, answer: bytes) -> list[Step]:
    return [answer[: len(answer) // 2]]


def half_then_end(_request: bytes, answer: bytes) -> list[Step]:
    return [answer[:2] + b"\r"]


def half_then_hang_up(_request: bytes, answer: bytes) -> list[Step]:
    return [answer[: len(answer) // 2], HangUp()]


def garbage(_request: bytes, _answer: bytes) -> list[Step]:
    return [b"\x00\xff\x17\r"]


def http(_request: bytes, _answer: bytes) -> list[Step]:
    return [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", HangUp()]


def telnet(_request: bytes, _answer: bytes) -> list[Step]:
    return [b"Welcome to the library system\r\nlogin: "]


def endless(_request: bytes, _answer: bytes) -> list[Step]:
    return [b"24" + b"x" * (2 * LONGEST_FRAME)]


def wrong_checksum(_request: bytes, answer: bytes) -> list[Step]:
    return [answer[:-4] + b"0000\r"]


def no_checksum(_request: bytes, answer: bytes) -> list[Step]:
    return [answer[:-9] + b"\r"]


def wrong_sequence(request: bytes, answer: bytes) -> list[Step]:
    return [sealed(answer[:-9], request, sequence=b"9") + b"\r"]


def twice(_request: bytes, answer: bytes) -> list[Step]:
    return [(answer + b"\r") * 2]


def answer_and_a_half(_request: bytes, answer: bytes) -> list[Step]:
    return [answer + b"\r" + answer[:5]]


def status_then_unasked_patron(_request: bytes, answer: bytes) -> list[Step]:
    unasked = b"24" + b" " * 35 + b"AOLAB|AA20000000000001|AE|BLY|CQY|"
    return [answer + b"\r" + unasked + b"\r"]


def another_kind(request: bytes, _answer: bytes) -> list[Step]:
    return [sealed(b"10" + b"x" * 40, request) + b"\r"]


def a_login_again(request: bytes, _answer: bytes) -> list[Step]:
    return [sealed(b"941", request) + b"\r"]


def the_status_again(request: bytes, _answer: bytes) -> list[Step]:
    return [sealed(b"98YNNNNY030003" + b" " * 18 + b"2.00AOLAB|", request) + b"\r"]


def information_for_status(request: bytes, _answer: bytes) -> list[Step]:
    fields = b"AOLAB|AA20000000000001|AEEva Berg|BLY|CQY|"
    return [sealed(b"64" + b" " * 59 + fields, request) + b"\r"]


def another_patron(request: bytes, _answer: bytes) -> list[Step]:
    return [patron_answer(request, b"AA" + OTHER_CARD + b"|AEEva Berg|BLY|CQY|") + b"\r"]


def no_patron(request: bytes, _answer: bytes) -> list[Step]:
    return [patron_answer(request, b"BLY|CQY|") + b"\r"]


def offline(request: bytes, _answer: bytes) -> list[Step]:
    return [sealed(b"98NNNNNY030003" + b" " * 18 + b"2.00AOLAB|", request) + b"\r"]


def resend_for_ever(_request: bytes, _answer: bytes) -> list[Step]:
    return [b"96AZFEF6\r"]


WRONG: list[tuple[str, Behaviour, str]] = [
    *[(code, silence, "answer_late") for code in ("93", "99", "23")],
    *[(code, hang_up, "closed_early") for code in ("93", "99", "23")],
    *[(code, reset, "closed_early") for code in ("93", "99", "23")],
    ("93", slow, "answer_late"),
    ("23", slow, "answer_late"),
    ("23", drip, "answer_late"),
    ("23", half_then_silence, "answer_late"),
    *[(code, half_then_end, "answer_truncated") for code in ("93", "99", "23")],
    ("23", half_then_hang_up, "closed_early"),
    *[(code, garbage, "answer_code_unknown") for code in ("93", "99", "23")],
    ("93", telnet, "telnet_login_prompt"),
    ("23", telnet, "answer_unasked"),
    ("23", endless, "answer_too_long"),
    *[(code, wrong_checksum, "answer_checksum_wrong") for code in ("93", "99", "23")],
    *[(code, no_checksum, "answer_checksum_missing") for code in ("99", "23")],
    *[(code, wrong_sequence, "answer_sequence_wrong") for code in ("93", "99", "23")],
    *[(code, twice, "answer_unasked") for code in ("93", "99", "23")],
    ("23", answer_and_a_half, "answer_unasked"),
    ("99", status_then_unasked_patron, "answer_unasked"),
    ("23", another_kind, "answer_code_unknown"),
    ("93", the_status_again, "answer_code_unexpected"),
    ("99", a_login_again, "answer_code_unexpected"),
    ("23", a_login_again, "answer_code_unexpected"),
    ("23", information_for_status, "answer_code_unexpected"),
    ("23", another_patron, "answer_for_other_patron"),
    ("23", no_patron, "answer_for_other_patron"),
    ("99", offline, "offline"),
    ("93", resend_for_ever, "resend_repeated"),
    ("23", resend_for_ever, "resend_repeated"),
]


@pytest.mark.parametrize(
    ("code", "behave", "reason"), [pytest.param(*c, id=f"{c[0]}-{c[1].__name__}") for c in WRONG]
)
async def test_whatever_goes_wrong_refuses_and_ends_the_connection(
    code: str, behave: Behaviour, reason: str, logs: list[MutableMapping[str, Any]]
) -> None:
    async with serving(Peer({code.encode(): behave})) as peer:
        late = reason == "answer_late"
        library = Sip2Library((impatient if late else settings)(peer.port))
        assert await library.check(CARD, PIN) == Checked(UNAVAILABLE, reason, neighbour_failed=True)
        await peer.until_idle()
        asked = peer.messages(b"23")
        assert len(asked) == (3 if code == "23" and behave is resend_for_ever else code == "23")
    assert (logs[-1]["event"], logs[-1]["reason"]) == ("library_gave_no_answer", reason)


async def test_an_http_server_is_not_a_library_system() -> None:
    async with serving(Peer({b"93": http})) as peer:
        found = await Sip2Library(settings(peer.port)).check(CARD, PIN)
        assert found.outcome is UNAVAILABLE


@pytest.mark.parametrize("prompt", [b"login: ", b"Koha SIP\r\n\r\nlogin: ", b"\xff\xfb\x01login: "])
async def test_the_telnet_transport_is_named_in_the_reason(prompt: bytes) -> None:
    async with serving(Peer({b"93": silence}, greeting=[prompt])) as peer:
        found = await Sip2Library(settings(peer.port)).check(CARD, PIN)
        assert found == Checked(UNAVAILABLE, "telnet_login_prompt", neighbour_failed=True)


async def test_a_name_that_looks_like_a_prompt_does_no_harm() -> None:
    def in_two(request: bytes, _answer: bytes) -> list[Step]:
        frame = patron_answer(request, b"AA20000000000001|AElogin:|BLY|CQY|") + b"\r"
        cut = frame.index(b"login:") + len(b"login:")
        return [frame[:cut], Wait(0.05), frame[cut:]]

    async with serving(Peer({b"23": in_two})) as peer:
        assert await Sip2Library(settings(peer.port)).verify(CARD, PIN) is Verification.OK


@pytest.mark.parametrize("resends", [1, 2])
@pytest.mark.parametrize("code", [b"93", b"99", b"23"])
async def test_a_message_is_sent_again_only_when_it_was_not_processed(
    code: bytes, resends: int
) -> None:
    def resend(_request: bytes, answer: bytes) -> list[Step]:
        again = len(peer.messages(code)) <= resends
        return [b"96AZFEF6\r" if again else answer + b"\r"]

    async with serving(Peer({code: resend})) as peer:
        assert await Sip2Library(settings(peer.port)).verify(CARD, PIN) is Verification.OK
        first, *others = peer.messages(code)
        assert first[-9:-7] == b"AY"
        assert [other[:-6] for other in others] == [first[:-9]] * resends
        assert all(other[-6:-4] == b"AZ" for other in others)


async def test_96_without_error_detection_means_that_it_is_required() -> None:
    async with serving(Peer({b"93": resend_for_ever})) as peer:
        found = await Sip2Library(settings(peer.port, error_detection=False)).check(CARD, PIN)
        assert found == Checked(Verification.REFUSED_BY_SERVER, "error_detection_required")
        assert len(peer.received) == 1


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        (b"BLY|", "not_verified"),
        (b"BLY|CQ|", "not_verified"),
        (b"BLY|CQ |", "not_verified"),
        (b"CQY|", "not_verified"),
        (b"", "not_verified"),
        (b"BL|CQY|", "bad_credentials"),
        (b"BLY|CQN|", "bad_credentials"),
        (b"BLY|CQY|CQN|", "bad_credentials"),
    ],
)
@pytest.mark.parametrize("message", PatronMessage)
async def test_an_unchecked_pin_lets_nobody_in(
    fields: bytes, outcome: str, message: PatronMessage, logs: list[MutableMapping[str, Any]]
) -> None:
    def behave(request: bytes, _answer: bytes) -> list[Step]:
        return [patron_answer(request, b"AA20000000000001|AEEva Berg|" + fields) + b"\r"]

    async with serving(Peer({b"23": behave, b"63": behave})) as peer:
        library = Sip2Library(settings(peer.port, message=message))
        assert await library.verify(CARD, PIN) == outcome
    alarms = [entry["event"] for entry in logs if entry["log_level"] == "error"]
    assert alarms == (["library_left_pin_unchecked"] if outcome == "not_verified" else [])


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n", b"\n\n\r"])
@pytest.mark.parametrize("after", [b"\r", b"\r\n", b"\n"])
async def test_every_way_of_ending_an_answer_is_read(before: bytes, after: bytes) -> None:
    def behave(_request: bytes, answer: bytes) -> list[Step]:
        return [before + answer + after]

    behaviours: dict[bytes, Behaviour] = {b"93": behave, b"99": behave, b"23": behave}
    async with serving(Peer(behaviours)) as peer:
        assert await Sip2Library(settings(peer.port)).verify(CARD, PIN) is Verification.OK


async def test_an_answer_in_many_pieces_is_one_answer() -> None:
    def behave(_request: bytes, answer: bytes) -> list[Step]:
        return [Drip(answer + b"\r", 0.0)]

    async with serving(Peer({b"23": behave})) as peer:
        assert await Sip2Library(settings(peer.port)).verify(CARD, PIN) is Verification.OK


async def test_an_alias_is_accepted_only_where_allowed_and_in_sequence() -> None:
    async with serving(Peer({b"23": another_patron})) as peer:
        aliases = settings(peer.port, allow_aliases=True)
        assert await Sip2Library(aliases).verify(CARD, PIN) is Verification.OK
        plain = replace(aliases, error_detection=False)
        assert await Sip2Library(plain).verify(CARD, PIN) is UNAVAILABLE


async def test_the_whole_login_has_a_deadline() -> None:
    def behave(_request: bytes, answer: bytes) -> list[Step]:
        return [Wait(0.6), answer + b"\r"]

    async with serving(Peer({b"93": behave, b"99": behave, b"23": behave})) as peer:
        library = Sip2Library(settings(peer.port, answer_timeout_s=1.0, login_timeout_s=1.0))
        found = await library.check(CARD, PIN)
        assert found == Checked(UNAVAILABLE, "login_deadline_passed", neighbour_failed=True)


async def test_a_neighbour_that_got_the_rest_of_the_time_only_is_not_blamed() -> None:
    release = asyncio.Event()
    async with (
        serving(Peer({b"23": silence})) as peer,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        patient = settings(
            peer.port, maximum_connections=1, answer_timeout_s=2.0, login_timeout_s=2.0
        )
        library = Sip2Library(patient)

        async def occupy() -> None:
            async with library._turns.place():
                await release.wait()

        group.create_task(occupy())
        await asyncio.sleep(0)
        group.create_task(release_after(1.4, release))
        found = await library.check(CARD, PIN)
        assert found == Checked(UNAVAILABLE, "login_deadline_passed")


async def release_after(seconds: float, event: asyncio.Event) -> None:
    await asyncio.sleep(seconds)
    event.set()


async def test_in_a_storm_of_wrong_answers_only_the_right_pin_passes() -> None:
    chance = random.Random(20261125)
    quick = [case for case in WRONG if case[2] != "answer_late"]

    def storm(request: bytes, answer: bytes) -> Sequence[Step]:
        if chance.random() < 0.8:
            return [answer + b"\r"]
        fitting = [behave for code, behave, _ in quick if code.encode() == request[:2]]
        return chance.choice(fitting)(request, answer)

    pairs = [("20000000000001", "1234"), ("20000000000009", "9999")]
    wrong = [("20000000000001", "9999"), ("20000000000009", "1234"), ("29999999999999", "1234")]
    asked = [chance.choice(pairs + wrong) for _ in range(400)]
    async with serving(Peer({b"93": storm, b"99": storm, b"23": storm})) as peer:
        patient = settings(peer.port, maximum_connections=4, maximum_waiting=400)
        library = Sip2Library(replace(patient, answer_timeout_s=20.0, login_timeout_s=60.0))
        async with asyncio.TaskGroup() as group:
            found = [
                group.create_task(library.verify(Secret(card), Secret(pin))) for card, pin in asked
            ]
    passed = [pair for pair, task in zip(asked, found, strict=True) if task.result() == "ok"]
    assert set(passed) == set(pairs)


# --- what the library system sees of us ---


async def test_a_login_is_one_connection_with_one_message_about_the_patron() -> None:
    async with serving(Peer()) as peer:
        await Sip2Library(settings(peer.port)).verify(CARD, Secret("4321"))
        await peer.until_idle()
        assert [frame[:2] for frame in peer.received] == [b"93", b"99", b"23"]
        assert peer.raw.count(b"\r") == 3
        assert b"\n" not in peer.raw
        assert peer.most_connections == 1


async def test_a_ping_sends_no_patron() -> None:
    async with serving(Peer()) as peer:
        await Sip2Library(settings(peer.port)).ping()
        assert [frame[:2] for frame in peer.received] == [b"93", b"99"]


async def test_the_sequence_counts_up() -> None:
    async with serving(Peer()) as peer:
        await Sip2Library(settings(peer.port)).verify(CARD, PIN)
        assert [frame[-9:-6] for frame in peer.received] == [b"AY0", b"AY1", b"AY2"]


async def test_no_more_connections_than_licensed() -> None:
    async with serving(Peer()) as peer:
        library = Sip2Library(settings(peer.port, maximum_connections=2, maximum_waiting=50))
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(library.verify(CARD, PIN)) for _ in range(30)]
        assert {task.result() for task in asked} == {Verification.OK}
        # The next may connect before the server has noticed that the last hung up.
        assert peer.most_connections <= 4


async def test_a_full_queue_answers_at_once_and_blames_nobody_else() -> None:
    release = asyncio.Event()

    def hold(_request: bytes, answer: bytes) -> list[Step]:
        return [Hold(release), answer + b"\r"]

    async with serving(Peer({b"23": hold})) as peer, asyncio.TaskGroup() as group:
        library = Sip2Library(settings(peer.port, maximum_connections=1, maximum_waiting=1))
        first = group.create_task(library.check(CARD, PIN))
        second = group.create_task(library.check(CARD, PIN))
        async with asyncio.timeout(60):
            while not peer.messages(b"23"):
                await asyncio.sleep(0.005)
        assert await library.check(CARD, PIN) == Checked(UNAVAILABLE, "queue_full")
        release.set()
        assert (await first).outcome is Verification.OK
        assert (await second).outcome is Verification.OK


async def test_waiting_for_a_turn_counts_against_the_deadline_but_not_the_neighbour() -> None:
    library = Sip2Library(impatient(free_port(), maximum_connections=1))
    async with library._turns.place():
        assert await library.check(CARD, PIN) == Checked(UNAVAILABLE, "waited_too_long")
    assert (await library.check(CARD, PIN)).reason == "connect_failed"


async def test_a_guest_who_leaves_frees_the_place() -> None:
    async with serving(Peer({b"23": silence})) as peer:
        library = Sip2Library(settings(peer.port, maximum_connections=1))
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(library.verify(CARD, PIN))
            async with asyncio.timeout(60):
                while not peer.messages(b"23"):
                    await asyncio.sleep(0.005)
            asked.cancel()
        await peer.until_idle()
        assert await library.ping() == Checked(Verification.OK)


# --- plain text is said aloud ---


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("ils.example.org", True)],
)
def test_plain_text_over_a_network_is_warned_of(
    host: str, warned: bool, logs: list[MutableMapping[str, Any]]
) -> None:
    Sip2Library(settings(6001, host=host))
    events = [entry["event"] for entry in logs]
    assert events == (["library_link_left_in_plain_text"] if warned else [])
