"""The load generator is believed only as far as it is checked: what it counts and proves."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.radius_load import Generator, Load, Measured, Span
from bench.radius_packets import (
    BLOCK,
    SECRET,
    accounting,
    chap_logins,
    devices,
    mac_authentications,
    write,
)
from bench.radius_trials import sessions_of
from radius_bridge.authenticators import Verdict, judge_request, sign_reply
from radius_bridge.clients import RadiusClient
from radius_bridge.dictionary import AccountingStatus
from radius_bridge.passwords import chap_fits
from radius_bridge.reading import read_question
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Code, Packet, decode
from tests.ports import free_port

Answers = Callable[[Packet], list[bytes]]
COUNT = 400
SPAN = Span(warm_up=0, seconds=20.0)
REPLY = (Attribute(25, b"class"), Attribute(27, bytes(4)))


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return Generator(tmp_path_factory.mktemp("generator"))


@contextmanager
def answering(answers: Answers) -> Iterator[int]:
    """A server in a thread, until the generator is through."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        ended = threading.Event()

        def serve() -> None:
            opened.settimeout(0.05)
            while not ended.is_set():
                try:
                    data, sender = opened.recvfrom(4096)
                except TimeoutError:
                    continue
                for reply in answers(decode(data)):
                    opened.sendto(reply, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield opened.getsockname()[1]
        ended.set()
        thread.join()


def _accepted(request: Packet, secret: Secret = SECRET) -> bytes:
    return sign_reply(Code.ACCESS_ACCEPT, REPLY, request, secret)


def _measure(generator: Generator, directory: Path, answers: Answers) -> Measured:
    packets = write(mac_authentications(devices(50), COUNT, 1), directory, "mac")
    with answering(answers) as port:
        return generator.closed(port, Load(packets, Code.ACCESS_ACCEPT), 16, SPAN)


def test_good_answers_are_counted(generator: Generator, tmp_path: Path) -> None:
    measured = _measure(generator, tmp_path, lambda request: [_accepted(request)])
    assert (measured.answered, measured.sent) == (COUNT, COUNT)
    assert measured.is_clean
    assert (measured.unproven, measured.resent, measured.stray) == (0, 0, 0)
    assert 0 < measured.p50_ms <= measured.p99_ms <= measured.max_ms
    assert measured.rate == pytest.approx(COUNT / measured.seconds, rel=0.1)


def test_another_code_is_a_refusal(generator: Generator, tmp_path: Path) -> None:
    measured = _measure(
        generator, tmp_path, lambda asked: [sign_reply(Code.ACCESS_REJECT, (), asked, SECRET)]
    )
    assert measured.refused == COUNT
    assert not measured.is_clean


def test_a_forged_answer_is_none(generator: Generator, tmp_path: Path) -> None:
    """Wrong secret, one bit of Message-Authenticator, one of an attribute, a length too short."""

    def answers(request: Packet) -> list[bytes]:
        good = _accepted(request)
        flipped = [good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :] for at in (25, 45)]
        return [_accepted(request, Secret(b"another")), *flipped, good[:-1], good]

    measured = _measure(generator, tmp_path, answers)
    assert measured.forged == 4 * COUNT
    assert measured.answered == COUNT


def test_what_is_not_answered_is_sent_again(generator: Generator, tmp_path: Path) -> None:
    seen: set[bytes] = set()

    def answers(request: Packet) -> list[bytes]:
        if request.authenticator not in seen and len(seen) < 5:
            seen.add(request.authenticator)
            return []
        return [_accepted(request)]

    measured = _measure(generator, tmp_path, answers)
    assert measured.resent == 5
    assert (measured.answered, measured.lost) == (COUNT, 0)
    assert measured.max_ms >= 2000


def test_a_pace_is_kept(generator: Generator, tmp_path: Path) -> None:
    packets = write(mac_authentications(devices(50), 1000, 1), tmp_path, "mac")
    with answering(lambda request: [_accepted(request)]) as port:
        load = Load(packets, Code.ACCESS_ACCEPT)
        measured = generator.paced(port, load, 500.0, Span(warm_up=0, seconds=1.0))
    assert measured.sent == pytest.approx(500, abs=5)
    assert measured.is_clean


def test_an_echo_server_is_its_own_measure(generator: Generator, tmp_path: Path) -> None:
    packets = write(mac_authentications(devices(50), COUNT, 1), tmp_path, "mac")
    port = free_port()
    echo = generator.echo(port)
    try:
        _wait_for(port)
        measured = generator.closed(port, Load(packets, 0), 16, SPAN)
    finally:
        echo.kill()
        echo.wait()
    assert (measured.answered, measured.forged) == (COUNT, 0)


def _wait_for(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.05)
        asking.connect(("127.0.0.1", port))
        while True:
            try:
                asking.send(b"there?")
                asking.recv(16)
            except (TimeoutError, ConnectionRefusedError):
                continue
            return


def test_the_packets_are_what_they_say() -> None:
    client = RadiusClient("benchmark", (), SECRET)
    users = devices(3)
    by_mac = [decode(one) for one in mac_authentications(users, 20, 1)]
    assert all(judge_request(one, SECRET) is Verdict.GENUINE for one in by_mac)
    assert all(read_question(one, client, "").is_mac_authentication for one in by_mac)
    assert {one.identifier for one in by_mac[:8]} == {0}
    assert {one.identifier for one in by_mac[8:16]} == {1}


def test_chap_logins_fit_their_passwords() -> None:
    users = devices(3)
    client = RadiusClient("benchmark", (), SECRET)
    passwords = {user.mac: Secret(user.password.encode()) for user in users}
    for one in chap_logins(users, 20, 1):
        packet = decode(one)
        assert judge_request(packet, SECRET) is Verdict.GENUINE
        response, challenge = packet.first(3), packet.first(60)
        station = read_question(packet, client, "").station
        assert response is not None
        assert challenge is not None
        assert chap_fits(response, passwords[station.mac or ""], challenge)


def test_accounting_begins_reports_and_ends_each_session_once() -> None:
    records = [decode(one) for one in accounting(devices(3), 2, 1)]
    assert all(judge_request(one, SECRET) is Verdict.GENUINE for one in records)
    steps: dict[bytes, list[int]] = {}
    for one in records:
        name, status = one.first(44), one.first(40)
        assert name is not None
        assert status is not None
        steps.setdefault(name, []).append(int.from_bytes(status))
    assert len(steps) == 2 * BLOCK
    start, interim, stop = (
        AccountingStatus.START,
        AccountingStatus.INTERIM_UPDATE,
        AccountingStatus.STOP,
    )
    assert all(seen == [start, interim, stop] for seen in steps.values())
    assert sessions_of(len(records)) == 2 * BLOCK
    assert sessions_of(5) == 5
    assert sessions_of(BLOCK * 2) == BLOCK
    assert sessions_of(BLOCK * 3 + 1) == BLOCK + 1
