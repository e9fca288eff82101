"""Threats to the portal and the gate's socket: hostile input, floods, forged callers."""

import asyncio
import json
import pwd
import random
import re
import socket
import subprocess
import sys
import textwrap
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from firewall.client import GateClient, GateError
from firewall.lab.phone import Phone
from portal.demo.world import GATE_USER, PORTAL_USER, World
from tests.faults.gateway import Gateway, pause
from tests.lab.guest import Guest, text_of, until

pytestmark = pytest.mark.root

HONEST_REQUESTS = 40
HONEST_LIMIT_S = 1.0
SHELL = (
    "; id",
    "$(id)",
    "`id`",
    "| id",
    "&& id",
    "\n/bin/sh\n",
    "%0aid",
    "${IFS}id",
    "' ; id '",
    "{{7*7}}",
)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def gateway(world: World) -> Gateway:
    return Gateway(world)


@pytest.fixture
def attacker(world: World, crowd: list[Phone]) -> Guest:
    return Guest(world, crowd[1])


def run_on(phone: Phone, script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return phone.run(command, timeout_s=120).stdout


# --- nothing is ever executed (T18) -------------------------------------------------------------


@contextmanager
def traced(pids: list[int], file: Path) -> Iterator[None]:
    """Record every program that the processes or their children start."""
    words = [word for pid in pids for word in ("-p", str(pid))]
    command = ["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", str(file), *words]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    until(lambda: all(_tracer_of(pid) for pid in pids), "strace is attached")
    try:
        yield
    finally:
        tracer.terminate()
        tracer.communicate(timeout=20)


def _tracer_of(pid: int) -> int:
    found = re.search(r"TracerPid:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def test_hostile_input_executes_nothing(
    world: World, gateway: Gateway, attacker: Guest, tmp_path: Path
) -> None:
    pids = [pid for part in ("gate", "portal", "keeper") if (pid := gateway.pid(part))]
    assert len(pids) == 3
    trace = tmp_path / "trace"
    with traced(pids, trace):
        for payload in SHELL:
            be_hostile(attacker, payload)
        forge_requests(world)
    assert trace.read_text() == ""
    assert [gateway.pid(part) for part in ("gate", "portal", "keeper")] == pids
    assert attacker.is_captive()


def be_hostile(guest: Guest, payload: str) -> None:
    """Put a payload wherever a guest's words go."""
    quoted = urllib.parse.quote(payload)
    line = payload.replace("\n", " ")
    headers = tuple(
        (name, line)
        for name in ("User-Agent", "Accept-Language", "Referer", "X-Forwarded-For", "Cookie")
    )
    for url in ("http://captive.apple.com", guest.origin):
        answer = guest.phone.http(f"{url}/{quoted}?next={quoted}&lang={quoted}", headers=headers)
        assert answer.status in {302, 400, 404}, answer
        assert "uid=" not in text_of(answer)
    odd_host = guest.phone.http("http://captive.apple.com/", host=line)
    assert odd_host.status in {302, 400}, odd_host
    form = {"token": guest.token(), "card": payload, "pin": payload, "next": payload}
    page = guest.post("/card", form)
    assert page.status == 200, page
    assert "uid=" not in text_of(page)
    guest.phone.dns(re.sub(r"[^a-z$();|&-]", "", payload) + ".example")


def forge_requests(world: World) -> None:
    """The same words over the gate's socket, from a user who may speak to it."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(5)
        caller.connect(str(world.config.gate.socket))
        for payload in SHELL[:8]:
            request = {"verb": "admit", "mac": payload, "remaining_s": 9, "profile": payload}
            caller.sendall(json.dumps(request).encode() + b"\n")
            assert b"bad_request" in caller.recv(4096)


# --- a crowd of idle or half-open connections (T35, T36) ----------------------------------------

SLOWLORIS = """
    import socket, sys, time
    want, held, refused = int(sys.argv[1]), [], 0
    for number in range(want):
        s = socket.socket(); s.settimeout(2)
        try:
            s.connect((sys.argv[2], 443 if number % 2 else 80))
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\nX: "); held.append(s)
        except OSError:
            refused += 1
    print(len(held), refused, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(phones: list[Phone], each: int) -> Iterator[list[tuple[int, int]]]:
    """Phones that open connections and never finish a request; (held, refused) of each."""
    command = [sys.executable, "-c", textwrap.dedent(SLOWLORIS), str(each), "10.44.0.1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [phone.spawn(command, **pipes) for phone in phones]
    try:
        lines = [process.stdout.readline().split() for process in running if process.stdout]
        yield [(int(held), int(refused)) for held, refused in lines]
    finally:
        for process in running:
            process.communicate(timeout=20)


def honest_times(guest: Guest) -> list[float]:
    """Load the login page again and again, as fast as the gate's limits allow one phone."""
    times = []
    for _ in range(HONEST_REQUESTS):
        answer = guest.get()
        assert answer.status == 200, answer
        times.append(answer.elapsed_s)
        pause(0.05)
    return sorted(times)


def test_slowloris_is_capped_and_honest_guests_are_served(
    world: World, guest: Guest, crowd: list[Phone]
) -> None:
    """2,000 half-sent heads from each of four phones."""
    log_before, began = world.log_file.stat().st_size, monotonic()
    with holding(crowd, 2000) as seen:
        times = honest_times(guest)
    took_s = monotonic() - began
    logged = world.log_file.stat().st_size - log_before
    print(f"(held, refused): {seen}; honest ms: median {times[len(times) // 2] * 1000:.0f}, "  # noqa: T201
          f"worst {times[-1] * 1000:.0f}; {logged} B of log in {took_s:.0f} s")  # fmt: skip
    assert all(held <= 60 for held, _ in seen), "30 for each of the two ports at most"
    assert times[-1] < HONEST_LIMIT_S
    assert logged <= 10_000 + 1000 * took_s


def test_a_half_sent_head_is_closed_in_time(attacker: Guest) -> None:
    script = """
        import socket, time
        s = socket.create_connection(("10.44.0.1", 80))
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: a")
        s.settimeout(30)
        began = time.monotonic()
        try: data = s.recv(100)
        except ConnectionResetError: data = b""
        print(data == b"", time.monotonic() - began)
    """
    closed, took_s = run_on(attacker.phone, script).split()
    assert closed == "True"
    assert 5 < float(took_s) < 15


SYN_FLOOD = """
    import os, socket, struct, sys, time
    gateway, seconds = bytes.fromhex(sys.argv[1]), float(sys.argv[2])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); s.bind(("wlan0", 0))
    frames = []
    for number in range(4096):
        mac = b"\\x02" + os.urandom(5)
        src, here = bytes([10, 44, 2, number % 250 + 1]), bytes([10, 44, 0, 1])
        head = struct.pack("!BBHHHBBH", 0x45, 0, 40, number, 0, 64, 6, 0) + src + here
        total = sum(struct.unpack("!10H", head)); total = (total & 0xffff) + (total >> 16)
        head = head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:]
        tcp = struct.pack("!HHIIBBHHH", 1024 + number, 80, number, 0, 5 << 4, 2, 1024, 0, 0)
        pseudo = src + bytes([10, 44, 0, 1, 0, 6, 0, 20])
        total = sum(struct.unpack("!16H", pseudo + tcp))
        while total >> 16: total = (total & 0xffff) + (total >> 16)
        tcp = tcp[:16] + struct.pack("!H", ~total & 0xffff) + tcp[18:]
        frames.append(gateway + mac + b"\\x08\\x00" + head + tcp)
    print("ready", flush=True)
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for frame in frames[sent % 4096:][:100]:
            s.send(frame)
        sent += 100
        time.sleep(0.01)
    print(sent, flush=True)
"""


def test_a_flood_of_openings(
    world: World, guest: Guest, online_guest: Guest, attacker: Guest
) -> None:
    """Spoofed SYNs to the probe port from invented devices, about 8,000 a second for 4 s."""
    mac = world.lab.gateway.run(["cat", "/sys/class/net/guest0/address"]).stdout.strip()
    command = [sys.executable, "-c", textwrap.dedent(SYN_FLOOD), mac.replace(":", ""), "4"]
    stream = online_guest.phone.stream("www.example.com")
    flood = attacker.phone.spawn(command, stdout=subprocess.PIPE)
    assert flood.stdout
    flood.stdout.readline()
    probe = "http://captive.apple.com/hotspot-detect.html"
    phone = guest.phone
    answers = []
    while flood.poll() is None:
        # as a browser asks: a probe of a device that is online is hung up on
        asked = [("Upgrade-Insecure-Requests", "1")]
        answer = phone.http(probe, headers=asked, address="10.44.0.1", timeout_s=3)
        answers.append(answer.status)
        pause(0.05)
    sent, report = int(flood.stdout.readline()), stream.stop()
    served = sum(status in {200, 302} for status in answers)
    print(f"{sent} SYNs; {served} of {len(answers)} probes answered; stream lost {report.lost}")  # noqa: T201
    assert sent > 5000
    assert served >= 0.95 * len(answers)
    assert report.lost == 0


REFUSED_LOGINS = """
    import socket, ssl, sys, time
    context = ssl.create_default_context(); context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, token = sys.argv[1], sys.argv[2]
    def connect():
        s = socket.create_connection(("10.44.0.1", 443))
        s = context.wrap_socket(s, server_hostname=host)
        return s, s.makefile("rb")
    body = f"token={token}&card=20000000007777&pin=0000".encode()
    head = (f"POST /card HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: {len(body)}\\r\\n"
            "Content-Type: application/x-www-form-urlencoded\\r\\n\\r\\n").encode()
    end, count, refused = time.monotonic() + float(sys.argv[3]), 0, 0
    s, answers = connect()
    while time.monotonic() < end:
        s.sendall(head + body); count += 1; length = 0
        if b" 429 " in answers.readline():
            refused += 1; time.sleep(0.05); s, answers = connect(); continue
        while (line := answers.readline()) not in (b"\\r\\n", b""):
            if line.lower().startswith(b"content-length"): length = int(line.split()[1])
        answers.read(length)
    print(count, refused)
"""


def test_a_flood_of_refused_logins_does_not_fill_the_log(world: World, attacker: Guest) -> None:
    """One phone that posts wrong PINs as fast as it is answered: most of it is not even read."""
    token, host = attacker.token(), world.config.portal.host_name
    before, seconds = world.log_file.stat().st_size, 5
    done = run_on(attacker.phone, REFUSED_LOGINS, host, token, str(seconds))
    count, refused = map(int, done.split())
    logged = world.log_file.stat().st_size - before
    print(f"{count} refused logins in {seconds} s, {refused} unread, {logged} B of log")  # noqa: T201
    assert count - refused >= 60
    assert refused > 10
    assert logged <= 10_000 + 1000 * seconds


# --- cards (T26) --------------------------------------------------------------------------------


def test_an_unknown_card_looks_like_a_wrong_pin(world: World, crowd: list[Phone]) -> None:
    """Same status and same page, but for what the guest typed and the device number."""
    guest = Guest(world, crowd[3])
    pages = []
    for card in ("20000000009991", "20000000000001"):
        page = guest.sign_in(card, "0000")
        assert page.status == 200
        text = re.sub(r'value="[^"]*"', "", text_of(page)).replace(card, "CARD")
        pages.append(re.sub(r"\d", "", text))
    assert pages[0] == pages[1]


# --- the gate's socket (T52, T54) ---------------------------------------------------------------


def _as_user(name: str, line: bytes, path: str) -> bytes:
    """Send a line over the socket as another user; return the answer."""
    script = """
        import os, socket, sys
        os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
        s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[2])
        try:
            s.sendall(sys.stdin.buffer.read())
        except BrokenPipeError: pass  # refused before it was asked; the answer is there to read
        try: sys.stdout.buffer.write(s.recv(4096))
        except ConnectionResetError: print("not_allowed")  # cut off before the answer was read
    """
    uid = str(pwd.getpwnam(name).pw_uid)
    command = [sys.executable, "-S", "-c", textwrap.dedent(script), uid, path]
    return subprocess.run(command, input=line, capture_output=True, check=True).stdout


def test_only_our_own_users_may_speak_to_the_gate(world: World, phone: Phone) -> None:
    admit = {"verb": "admit", "mac": phone.mac, "remaining_s": 600, "profile": "default"}
    line, path = json.dumps(admit).encode() + b"\n", str(world.config.gate.socket)
    for user in ("nobody", "games", "backup"):
        assert b"not_allowed" in _as_user(user, line, path)
    assert Guest(world, phone).is_captive()
    assert b'"ok":true' in _as_user(PORTAL_USER, b'{"verb":"ping"}\n', path).replace(b" ", b"")
    assert GATE_USER != PORTAL_USER


def test_noise_on_the_gates_socket(world: World, gateway: Gateway, online_guest: Guest) -> None:
    """A few seconds of noise from a user who may speak; `make fuzz` does it for longer."""
    dice, pid, end = random.Random(54), gateway.pid("gate"), monotonic() + 3
    rounds = 0
    while monotonic() < end:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(5)
            caller.connect(str(world.config.gate.socket))
            try:
                for _ in range(8):
                    caller.sendall(noise(dice))
                    caller.recv(65536)
            except OSError:
                pass  # cut off after too much nonsense, as it should be
        rounds += 1
    assert rounds > 50
    assert gateway.pid("gate") == pid
    assert online_guest.is_admitted()
    assert not online_guest.is_captive()


def noise(dice: random.Random) -> bytes:
    """Bytes, or a request with something wrong in it; always one line."""
    good = {"verb": "admit", "mac": "02:00:00:00:00:01", "remaining_s": 1, "profile": "default"}
    kind = dice.randrange(5)
    if kind == 0:
        return dice.randbytes(dice.randrange(400)).replace(b"\n", b"") + b"\n"
    if kind == 1:
        return b"[" * dice.randrange(20_000) + b"\n"
    odd: list[object] = [None, -1, 1e400, "x" * 1000, [], {}, True, "\0", 2**70, "\ud800"]
    changed = good | {dice.choice(list(good)): dice.choice(odd)}
    line = bytearray(json.dumps(changed).encode())
    if kind == 2:
        line[dice.randrange(len(line))] = dice.randrange(11, 256)
    return bytes(line).replace(b"\n", b"") + b"\n"


async def test_a_full_gate_keeps_those_inside(world: World, online_guest: Guest) -> None:
    """20,000 devices at most: the list is refused whole, and nobody inside notices."""
    stream = online_guest.phone.stream("www.example.com")
    async with GateClient(world.config.gate.socket, timeout_s=30) as gate:
        crowd = [
            (f"06:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}", 60.0, "default")
            for n in range(20_001)
        ]
        with pytest.raises(GateError) as refused:
            await gate.reconcile(crowd)
        assert refused.value.reason == "busy"
        for mac, left, _ in crowd[:20]:
            await gate.admit(mac, left)
        for mac, _, _ in crowd[:20]:
            await gate.expel(mac)
    assert online_guest.is_admitted()
    assert (await asyncio.to_thread(stream.stop)).lost == 0


def test_the_processes_have_no_power_they_do_not_need(gateway: Gateway) -> None:
    """Not root; the gate has CAP_NET_ADMIN and CAP_NET_RAW, the others at most low ports."""
    expected = {"gate": {12, 13}, "keeper": set(), "portal": {10}}
    for part, capabilities in expected.items():
        status = Path(f"/proc/{gateway.pid(part)}/status").read_text()
        uids = re.search(r"Uid:\t(.*)", status)
        held = re.search(r"CapEff:\t(.*)", status)
        bounding = re.search(r"CapBnd:\t(.*)", status)
        assert uids
        assert held
        assert bounding
        assert "0" not in uids[1].split()
        for mask in (held, bounding):
            bits = {bit for bit in range(64) if int(mask[1], 16) >> bit & 1}
            assert bits <= capabilities, part
