"""The library system, the database, the uplink or an interface fails: what guests meet.

Guests who are online notice nothing; who logs in is told plainly, never with a 500; when the
neighbour is back, logins work again without anything being restarted.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from portal.demo.world import World
from tests.faults.gateway import POSTGRES, Gateway, pause
from tests.faults.probes import segment_without_beginning
from tests.lab.guest import Guest, text_of, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
LIBRARY_DOWN = "Vi kan inte kontrollera bibliotekskort just nu"
SERVICE_DOWN = "Inloggningen fungerar inte just nu"
ECHO_HOST = "www.example.com"


@contextmanager
def uninterrupted(guest: Guest) -> Iterator[None]:
    """The guest's stream loses nothing inside."""
    stream = guest.phone.stream(ECHO_HOST)
    yield
    assert stream.stop().lost == 0


@contextmanager
def library_rule(world: World, verdict: str) -> Iterator[None]:
    """The library system's host answers every connection with a verdict of nft."""
    assert world.lab.management is not None
    host = world.lab.management.namespace
    chain = "{ type filter hook input priority 0; }"
    host.run(["nft", f"add table inet fault; add chain inet fault input {chain}"])
    host.run(["nft", f"add rule inet fault input tcp dport 8601 {verdict}"])
    try:
        yield
    finally:
        host.run(["nft", "delete table inet fault"])


def answers(guest: Guest) -> tuple[int, str, float]:
    """Try to log in; return status, page and how long it took."""
    answer = guest.sign_in()
    return answer.status, text_of(answer), answer.elapsed_s


def works_again(guest: Guest) -> None:
    """Logging in works without a restart (the breaker tries every 10 s)."""
    end = monotonic() + 60
    while guest.sign_in().status != 303:
        assert monotonic() < end, "no login works"
        pause(0.5)  # an impatient guest; faster than this, the gate's own limits answer
    assert not guest.is_captive()


@pytest.mark.parametrize("verdict", ["drop", "reject with tcp reset"])
def test_the_library_system_is_away(
    verdict: str, world: World, online: Guest, newcomer: Guest
) -> None:
    with uninterrupted(online):
        with library_rule(world, verdict):
            status, page, took_s = answers(newcomer)
            assert status < 500
            assert LIBRARY_DOWN in page
            assert newcomer.is_captive()
            assert took_s < 10
        works_again(newcomer)


def test_the_library_system_is_stopped_and_started(
    world: World, online: Guest, newcomer: Guest
) -> None:
    with uninterrupted(online):
        world.stop_library()
        try:
            seen = [answers(newcomer) for _ in range(4)]
        finally:
            world.start_library()
        assert all(status < 500 and LIBRARY_DOWN in page for status, page, _ in seen)
        assert seen[-1][2] < 1, "the breaker answers at once"
        works_again(newcomer)


def test_the_library_system_is_silent(world: World, online: Guest, newcomer: Guest) -> None:
    """It takes the connection and says nothing."""
    library = world._library
    assert library is not None
    with uninterrupted(online):
        os.kill(library.pid, signal.SIGSTOP)
        try:
            status, page, took_s = answers(newcomer)
        finally:
            os.kill(library.pid, signal.SIGCONT)
        assert status < 500
        assert LIBRARY_DOWN in page
        assert took_s < 10
        works_again(newcomer)


def test_the_database_is_stopped_for_a_while(
    gateway: Gateway, online: Guest, newcomer: Guest
) -> None:
    """Frozen whole: connections stand and nothing answers, the hardest of its outages."""
    token = newcomer.token()
    fields = {"token": token, "card": "20000000000001", "pin": "1234"}
    postmaster = gateway.pid(POSTGRES)
    assert postmaster is not None
    family = [postmaster, *children_of(postmaster)]
    with uninterrupted(online):
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            pages = [newcomer.post("/card", fields) for _ in range(2)]
            pages += [newcomer.get("/"), online.get("/status"), newcomer.get("/help")]
        finally:
            for pid in family:
                os.kill(pid, signal.SIGCONT)
        assert all(page.status in {200, 503} for page in pages), pages
        assert all(SERVICE_DOWN in text_of(page) for page in pages if page.status == 503)
        assert pages[-1].status == 200, "help needs no database"
        assert max(page.elapsed_s for page in pages) < 10
        works_again(newcomer)


def test_the_database_is_killed_during_logins(
    gateway: Gateway, online: Guest, newcomer: Guest
) -> None:
    with uninterrupted(online):
        for _ in range(3):
            gateway.kill(POSTGRES)
            answer = newcomer.sign_in()
            assert answer.status in {200, 303, 503}, answer
            if newcomer.is_admitted():
                newcomer.sign_out()
        works_again(newcomer)


def test_the_uplink_is_cut_and_comes_back(gateway: Gateway, online: Guest) -> None:
    link = "wan0"
    routes = [gateway.run("ip", f, "route", "show", "default").strip() for f in ("-4", "-6")]
    gateway.run("ip", "link", "set", link, "down")
    try:
        assert online.phone.http(PROBE_URL, timeout_s=1, address="198.51.100.7").status == 0
        assert not online.is_captive()
        assert online.is_admitted()
    finally:
        restore_uplink(gateway, link, routes)
    until(lambda: online.phone.http(PROBE_URL, timeout_s=2).status == 200, "the internet again")
    assert not online.is_captive()


def test_connections_outlive_a_flap_of_the_uplink(gateway: Gateway, online: Guest) -> None:
    """The kernel forgets what it translated through an interface that goes down."""
    link = "wan0"
    routes = [
        gateway.run("ip", family, "route", "show", "default").strip() for family in ("-4", "-6")
    ]
    conversation = online.phone.converse(ECHO_HOST, family=4)
    assert conversation.say()[0]
    gateway.run("ip", "link", "set", link, "down")
    restore_uplink(gateway, link, routes)
    answered, problem = conversation.say(timeout_s=20)
    conversation.close()
    assert answered, problem


def test_what_is_picked_up_in_the_middle_passes_all_rules(
    world: World, online: Guest, stranger: Guest
) -> None:
    """A TCP packet without a beginning: a guest's to the internet, and none to other networks."""
    lab, allowed, internal, strange = world.lab, "198.51.100.71", "192.168.99.71", "198.51.100.72"
    assert lab.management is not None
    for _ in range(3):
        for address in (allowed, internal):
            online.phone.send_frame(segment_without_beginning(online.phone, address))
        stranger.phone.send_frame(segment_without_beginning(stranger.phone, strange))
    until(lambda: lab.internet.packets_to(allowed) == 3, "the guest's three packets")
    assert lab.management.packets_to(internal) == 0
    assert lab.internet.packets_to(strange) == 0


def restore_uplink(gateway: Gateway, link: str, routes: list[str]) -> None:
    """Switch the link on; what the kernel forgot (IPv6 address, default routes) is set again."""
    gateway.run("ip", "link", "set", link, "up")
    gateway.run("ip", "addr", "replace", "2001:db8:ffff::2/64", "dev", link, "nodad")
    for family, route in zip(("-4", "-6"), routes, strict=True):
        gateway.run("ip", family, "route", "replace", *route.split())


def test_the_guest_interface_flaps(gateway: Gateway, online: Guest) -> None:
    gateway.run("ip", "link", "set", "guest0", "down")
    gateway.run("ip", "link", "set", "guest0", "up")
    gateway.run("ip", "addr", "replace", "2001:db8:44::1/64", "dev", "guest0", "nodad")
    until(lambda: online.phone.http(PROBE_URL, timeout_s=2).status == 200, "online again")


def test_the_guest_interface_is_made_anew(world: World, online: Guest, stranger: Guest) -> None:
    """Under its old name and MAC: the rules that are bound to the interface itself come back."""
    gateway = world.lab.gateway
    mac = gateway.run(["cat", "/sys/class/net/guest0/address"]).stdout.strip()
    world.lab.replug()
    gateway.ip([f"link set guest0 address {mac}"])
    until(lambda: online.phone.http(PROBE_URL, timeout_s=2).status == 200, "online again")
    until(lambda: stranger.phone.http(PROBE_URL, timeout_s=2).status == 302, "captive again")
    assert stranger.phone.tcp_connect("198.51.100.9", 443).outcome == "refused"
    listed = world.lab.gateway.run(["nft", "list", "table", "netdev", "kvar"]).stdout
    assert 'hook egress device "guest0"' in listed


def test_a_frozen_gate_is_told_plainly(gateway: Gateway, online: Guest, newcomer: Guest) -> None:
    token = newcomer.token()
    pid = gateway.pid("gate")
    assert pid is not None
    with uninterrupted(online):
        os.kill(pid, signal.SIGSTOP)
        try:
            fields = {"token": token, "card": "20000000000001", "pin": "1234"}
            answer = newcomer.post("/card", fields)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert answer.status == 503
        assert SERVICE_DOWN in text_of(answer)
        works_again(newcomer)


def children_of(parent: int) -> list[int]:
    """Return the pids of a process's children."""
    with open(f"/proc/{parent}/task/{parent}/children") as listed:  # noqa: PTH123 - procfs
        return [int(word) for word in listed.read().split()]


def test_the_port_80_answer_needs_nobody(gateway: Gateway, stranger: Guest) -> None:
    """Database and gate both frozen: captive phones are still led to the portal."""
    frozen = [gateway.pid("gate"), gateway.pid(POSTGRES)]
    pids = [pid for pid in frozen if pid is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert stranger.phone.http(PROBE_URL).status == 302
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    gateway.wait_until_ready()
