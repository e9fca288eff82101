"""Two gateways as a pair: the active one dies, and the other's guests were never logged out.

keepalived and conntrackd run from deploy/examples/pair, each gateway in a namespace with its own
gate and keeper; both use one database. No portal is needed for that.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import asyncpg
import pytest

from portal.storage.migrate import migrate
from tests.firewall.network import inside, run
from tests.lab.guest import until
from tests.portal.storage.servers import Cluster
from tests.ports import free_port

pytestmark = [pytest.mark.root, pytest.mark.proof]

PAIR = Path(__file__).parents[2] / "deploy" / "examples" / "pair"
TAKES_OVER_WITHIN_S = 3.0
GUEST_MAC, STRANGER_MAC = "02:00:5e:00:00:01", "02:00:5e:00:00:02"
NO_FILTER = ("net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
SERVER = ("192.0.2.1", 7000)
CONFIG = """
[organisation]
name = "Exempelby"
data_directory = "{directory}/data"
[portal]
host_name = "wifi.exempelby.example"
certificate_file = "{directory}/chain.pem"
private_key_file = "{directory}/key.pem"
[database]
dsn = "{dsn}"
[gate]
socket = "{directory}/gate.sock"
uplink_interfaces = ["wan0"]
[[sites]]
id = "main"
name = "Biblioteket"
login_methods = ["accept"]
guest_interfaces = ["guest0"]
"""
SESSION = """
WITH made AS (
    INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,
                              last_seen_at, trace_key, device_trace)
    VALUES (gen_random_uuid(), 'accept', $1::text::macaddr, 'main', now(), now() + interval '5 h',
            'time_limit', now(), 'log-2026-w48', sha256('x')) RETURNING id)
SELECT pg_notify('kvar_session', 'started main ' || id) FROM made
"""


@dataclass
class Member:
    """One gateway of the pair: its namespace, its folder and its processes."""

    number: int
    directory: Path
    prefix: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return f"{self.prefix}g{self.number}"

    def run(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.namespace, *command)

    def start(self, *command: str) -> None:
        with (self.directory / "log").open("ab") as log:
            words = ["ip", "netns", "exec", self.namespace, *command]
            self.processes.append(subprocess.Popen(words, stdout=log, stderr=log))

    def install(self, dsn: str) -> None:
        """Put the shipped files in place, with this member's addresses and folder."""
        changes = {
            "/etc/keepalived": str(self.directory),
            "/etc/conntrackd": str(self.directory),
            "/run/kvar-conntrackd": str(self.directory / "conntrackd"),
            "priority 100": f"priority {110 - 10 * self.number}",
        }
        if self.number == 2:
            changes |= {
                "{\n        IPv4_address 10.255.0.1": "{\n        IPv4_address 10.255.0.2",
                "Destination_Address 10.255.0.2": "Destination_Address 10.255.0.1",
            }
        for file in PAIR.iterdir():
            text = file.read_text()
            for old, new in changes.items():
                text = text.replace(old, new)
            (self.directory / file.name).write_text(text)
            (self.directory / file.name).chmod(0o755 if file.suffix == ".sh" else 0o644)
        text = CONFIG.format(directory=self.directory, dsn=dsn)
        (self.directory / "kvar.toml").write_text(text)

    def begin(self) -> None:
        config = str(self.directory / "kvar.toml")
        self.start("conntrackd", "-C", str(self.directory / "conntrackd.conf"))
        for part in ("gate", "keeper"):
            self.start(sys.executable, "-m", "portal", "--config", config, part)

    def keep_alive(self) -> None:
        pids = [f"--{name}={self.directory}/{name}" for name in ("pid", "vrrp_pid")]
        file = str(self.directory / "keepalived.conf")
        self.start("keepalived", "-n", "-l", "-P", "-f", file, *pids)

    def has_address(self) -> bool:
        return "10.9.0.1/" in self.run("ip", "-4", "address", "show", "guest0")

    def admitted(self) -> str:
        with suppress(AssertionError):
            return self.run("nft", "list", "map", "inet", "kvar", "admitted")
        return ""

    def cut_power(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for link in ("guest0", "wan0", "mgmt0", "sync0"):
            run("ip", "-n", self.namespace, "link", "set", link, "down")
        for name in ("vrrp_pid",):  # keepalived's child
            with suppress(OSError, ValueError):
                os.kill(int((self.directory / name).read_text()), signal.SIGKILL)

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


class Pair:
    """Phones - two gateways - a server, joined by bridges."""

    def __init__(self, directory: Path, dsn: str, stack: ExitStack) -> None:
        self.prefix = f"kp{os.getpid() % 10_000}"
        self._stack = stack
        for name in ("lan", "p1", "p2", "net", "g1", "g2"):
            run("ip", "netns", "add", self.prefix + name)
            stack.callback(run, "ip", "netns", "del", self.prefix + name)
        self.members = []
        for number in (1, 2):
            folder = directory / str(number)
            folder.mkdir()
            self.members.append(Member(number, folder, self.prefix))
        self._build()
        for member in self.members:
            member.install(dsn)
            stack.callback(member.end)
            member.begin()

    def ip(self, name: str, *words: str) -> None:
        run("ip", "-n", self.prefix + name, *words)

    def _build(self) -> None:
        for bridge in ("guests", "wan", "mgmt"):
            self.ip("lan", "link", "add", bridge, "type", "bridge")
            self.ip("lan", "link", "set", bridge, "up")
        for number in (1, 2):
            gateway = f"g{number}"
            for link, bridge in (("guest0", "guests"), ("wan0", "wan"), ("mgmt0", "mgmt")):
                self._join(gateway, link, bridge)
            member = self.members[number - 1]
            member.run("sysctl", "-qw", "net.ipv4.ip_forward=1", *NO_FILTER)
            self.ip(gateway, "address", "add", f"10.254.0.{number}/24", "dev", "mgmt0")
            self.ip(gateway, "link", "set", "lo", "up")
        peer = ["peer", "name", "sync0", "netns", self.prefix + "g2"]
        self.ip("g1", "link", "add", "sync0", "type", "veth", *peer)
        for number in (1, 2):
            self.ip(f"g{number}", "address", "add", f"10.255.0.{number}/24", "dev", "sync0")
            self.ip(f"g{number}", "link", "set", "sync0", "up")
        self._join("net", "eth0", "wan")
        self.ip("net", "address", "add", f"{SERVER[0]}/24", "dev", "eth0")
        for number, mac in ((1, GUEST_MAC), (2, STRANGER_MAC)):
            self._join(f"p{number}", "eth0", "guests", mac)
            self.ip(f"p{number}", "address", "add", f"10.9.0.{10 + number}/20", "dev", "eth0")
            self.ip(f"p{number}", "route", "add", "default", "via", "10.9.0.1")

    def _join(self, name: str, link: str, bridge: str, mac: str = "") -> None:
        port = f"{name}{link}"[:15]
        address = ["address", mac] if mac else []
        run("ip", "-n", self.prefix + "lan", "link", "add", port, "type", "veth",
            "peer", "name", link, *address, "netns", self.prefix + name)  # fmt: skip
        self.ip("lan", "link", "set", port, "master", bridge, "up")
        self.ip(name, "link", "set", link, "up")

    def socket(self, name: str, kind: socket.SocketKind) -> socket.socket:
        opened = inside(self.prefix + name, lambda: socket.socket(socket.AF_INET, kind))
        opened.settimeout(1)
        return opened

    def active(self) -> list[Member]:
        return [member for member in self.members if member.has_address()]


class Echo:
    """The server on the internet side: sends back what it gets, by UDP and TCP."""

    def __init__(self, pair: Pair) -> None:
        self.udp, self.tcp = (
            pair.socket("net", socket.SOCK_DGRAM),
            pair.socket("net", socket.SOCK_STREAM),
        )
        for opened in (self.udp, self.tcp):
            opened.bind(SERVER)
            opened.settimeout(None)
        self.tcp.listen()
        for job in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=job, daemon=True).start()

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                data, sender = self.udp.recvfrom(100)
                self.udp.sendto(data, sender)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(
                    target=self._talk, args=(self.tcp.accept()[0],), daemon=True
                ).start()

    def _talk(self, opened: socket.socket) -> None:
        with suppress(OSError), opened:
            while data := opened.recv(100):
                opened.sendall(data)


class Flow:
    """A guest's datagrams without pause, and the longest time without an answer."""

    def __init__(self, pair: Pair, name: str) -> None:
        self._socket = pair.socket(name, socket.SOCK_DGRAM)
        self._socket.settimeout(0.02)
        self._stop = threading.Event()
        self.gap_s, self.answers = 0.0, 0
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        last = monotonic()
        while not self._stop.is_set():
            with suppress(OSError):
                self._socket.sendto(b"x", SERVER)
                self._socket.recv(10)
                self.answers += 1
                self.gap_s, last = max(self.gap_s, monotonic() - last), monotonic()
            sleep(0.005)

    def end(self) -> float:
        self._stop.set()
        self._thread.join()
        self._socket.close()
        return self.gap_s


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    directory = Path(tempfile.mkdtemp(prefix="kvar-pair-", dir="/tmp"))
    directory.chmod(0o755)
    (directory / "db").mkdir()
    shutil.chown(directory / "db", "postgres")
    server = Cluster(directory / "db", free_port())
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server.create()
        server.start()
        stack.callback(server.end)
        dsn = f"postgresql://kvar@/postgres?host={server.directory}&port={server.port}"
        asyncio.run(migrate(dsn, datetime.now(UTC)))
        built = Pair(directory, dsn, stack)
        asyncio.run(_log_in(dsn))
        for member in built.members:
            until(lambda member=member: GUEST_MAC in member.admitted(), "both gates have it", 120)
            member.keep_alive()
        until(lambda: len(built.active()) == 1, "one is active", 30)
        Echo(built)
        yield built


async def _log_in(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(SESSION.replace("$1", f"'{GUEST_MAC}'"))
    await connection.close()


def reaches(pair: Pair, name: str) -> bool:
    with pair.socket(name, socket.SOCK_DGRAM) as opened:
        opened.settimeout(0.3)
        for _ in range(5):
            with suppress(OSError):
                opened.sendto(b"x", SERVER)
                return bool(opened.recv(10))
    return False


def test_without_the_cable_between_them_nothing_changes(pair: Pair) -> None:
    (active,) = pair.active()
    flow = Flow(pair, "p1")
    until(lambda: flow.answers, "the guest is online")
    pair.ip("g1", "link", "set", "sync0", "down")
    sleep(2.0)
    pair.ip("g1", "link", "set", "sync0", "up")
    assert flow.end() < 0.5
    assert pair.active() == [active]
    assert not reaches(pair, "p2")


def test_the_active_gateway_dies(pair: Pair) -> None:
    (active,) = pair.active()
    (other,) = [member for member in pair.members if member is not active]
    talk = pair.socket("p1", socket.SOCK_STREAM)
    talk.connect(SERVER)
    talk.sendall(b"before")
    assert talk.recv(100) == b"before"
    flow = Flow(pair, "p1")
    until(lambda: flow.answers > 20, "the guest is online")
    active.cut_power()
    until(other.has_address, "the other one takes over", 30)
    count = flow.answers
    until(lambda: flow.answers > count + 20, "the guest is online again", 30)
    gap_s = flow.end()
    print(f"\nwithout an answer for {gap_s:.2f} s")  # noqa: T201
    assert gap_s < TAKES_OVER_WITHIN_S
    talk.settimeout(10)
    talk.sendall(b"after")
    assert talk.recv(100) == b"after"
    assert not reaches(pair, "p2")
