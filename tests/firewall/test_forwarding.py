"""The machine forwards only behind the rule that closes guest networks: no moment for strangers."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from firewall import forwarding
from firewall.kernel import KernelError
from tests.firewall.network import inside

pytestmark = pytest.mark.root

CONFIGURATION = """
[organisation]
name = "x"
[portal]
host_name = "wifi.example.se"
certificate_file = "/x/chain.pem"
private_key_file = "/x/key.pem"
[gate]
uplink_interfaces = ["wan0"]
{more}
[[sites]]
id = "a"
name = "A"
login_methods = ["accept"]
{guests}
"""
CLIENTS = """
[radius]
[[radius.clients]]
name = "ap"
networks = ["10.9.0.0/24"]
secret = "mdgUXjcIVQ0aZ7xyKw"
site = "a"
"""
_numbers = count(1)


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def in_namespace(name: str, *command: str) -> str:
    return run("ip", "netns", "exec", name, *command)


@pytest.fixture
def between() -> Iterator[tuple[str, str, str]]:
    """A stranger, a machine with no rules of ours, and the internet; return their namespaces."""
    number = next(_numbers)
    names = tuple(f"kvf-{name}{number}" for name in ("guest", "gateway", "world"))
    guest, gateway, world = names
    try:
        for name in names:
            run("ip", "netns", "add", name)
            in_namespace(name, "ip", "link", "set", "lo", "up")
            in_namespace(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        sides = ((guest, "guest0", "10.9.0"), (world, "wan0", "10.8.0"))
        for side, interface, network in sides:
            run("ip", "-n", gateway, "link", "add", interface, "type", "veth", "peer", "eth0",
                "netns", side)  # fmt: skip
            v6 = f"fd00:{network.split('.')[1]}::"
            for where, name, host in ((gateway, interface, "1"), (side, "eth0", "2")):
                run("ip", "-n", where, "address", "add", f"{network}.{host}/24", "dev", name)
                run("ip", "-n", where, "address", "add", f"{v6}{host}/64", "dev", name)
                run("ip", "-n", where, "link", "set", name, "up")
            run("ip", "-n", side, "route", "add", "default", "via", f"{network}.1")
            run("ip", "-n", side, "route", "add", "default", "via", f"{v6}1")
        yield guest, gateway, world
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def close(gateway: str, file: Path, text: str) -> str:
    file.write_text(text)
    kvar = (sys.executable, "-m", "portal", "--config", str(file))
    return in_namespace(gateway, *kvar, "close", "--forward")


def forwards(gateway: str) -> list[str]:
    return [
        in_namespace(gateway, "cat", str(forwarding.SETTINGS / name)).strip()
        for name in forwarding.FORWARD
    ]


@contextmanager
def flood(guest: str, world: str) -> Iterator[list[socket.socket]]:
    """Send without end by both families; give the internet's two sockets, which hear of it."""
    families = ((socket.AF_INET, "10.8.0.2"), (socket.AF_INET6, "fd00:8::2"))
    with ExitStack() as stack:

        def udp(where: str, family: socket.AddressFamily) -> socket.socket:
            made = inside(where, lambda: socket.socket(family, socket.SOCK_DGRAM))
            return stack.enter_context(made)

        heard = [udp(world, family) for family, _ in families]
        sending = [(udp(guest, family), target) for family, target in families]
        for one, (_, target) in zip(heard, families, strict=True):
            one.settimeout(3)
            one.bind((target, 4242))
        over = Event()

        def send() -> None:
            while not over.wait(0.001):
                for one, target in sending:
                    with suppress(OSError):  # what an ICMP refusal said of the one before
                        one.sendto(b"a stranger's", (target, 4242))

        with ThreadPoolExecutor(1) as pool:
            pool.submit(send)
            try:
                yield heard
            finally:
                over.set()


def test_a_stranger_is_closed_out_before_anything_is_forwarded(
    between: tuple[str, str, str], tmp_path: Path
) -> None:
    guest, gateway, world = between
    assert forwards(gateway) == ["0", "0"]
    text = CONFIGURATION.format(more="", guests='guest_interfaces = ["guest0"]')
    with flood(guest, world) as heard:
        said = close(gateway, tmp_path / "kvar.toml", text)
        assert "guest0: closed in routing (IPv6)" in said
        assert forwards(gateway) == ["1", "1"]
        assert in_namespace(gateway, "cat", "/proc/sys/net/ipv4/conf/wan0/rp_filter") == "0\n"
        for one in heard:
            with pytest.raises(TimeoutError):
                one.recv(100)
        for family in ("-4", "-6"):  # the test can fail: what is not closed does pass
            run("ip", "-n", gateway, family, "rule", "del", "pref", "100")
        assert [one.recv(100) for one in heard] == [b"a stranger's"] * 2


@pytest.mark.parametrize(
    ("more", "guests"),
    [
        (CLIENTS, ""),
        ("enabled = false", 'guest_interfaces = ["guest0"]'),
    ],
    ids=["access points alone", "a gate for a look"],
)
def test_a_machine_that_is_no_gateway_is_left_as_it_is(
    between: tuple[str, str, str], tmp_path: Path, more: str, guests: str
) -> None:
    _, gateway, _ = between
    before = in_namespace(gateway, "sysctl", "-a", "--pattern", "ip_forward|rp_filter|redirects")
    close(gateway, tmp_path / "kvar.toml", CONFIGURATION.format(more=more, guests=guests))
    after = in_namespace(gateway, "sysctl", "-a", "--pattern", "ip_forward|rp_filter|redirects")
    assert (forwards(gateway), after) == (["0", "0"], before)


@pytest.mark.parametrize("still_open", [True, False])
def test_nothing_is_set_while_a_network_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still_open: bool
) -> None:
    for name in (*forwarding.FORWARD, *forwarding.BESIDES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("7\n")
    (tmp_path / "ipv4/tcp_syncookies").unlink()  # a kernel without
    monkeypatch.setattr(forwarding, "close_networks", lambda _: [])
    monkeypatch.setattr(forwarding, "missing_rules", lambda _: ["one"] if still_open else [])
    if still_open:
        with pytest.raises(KernelError, match="somebody opens"):
            forwarding.close_and_forward(["guest0"], [], tmp_path)
    else:
        forwarding.close_and_forward(["guest0"], ["wan0"], tmp_path)
    assert (tmp_path / "ipv4/ip_forward").read_text() == ("7\n" if still_open else "1\n")
