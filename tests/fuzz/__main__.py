"""``make fuzz TIME=60``: noise at every parser that reads what others send, TIME seconds each.

Not the tests of the parsers, which fuzz for a moment at each run: the same promise, longer. The
rule to keep: a parser answers or raises its own exception, and never takes longer than a moment;
anything else ends the run with the seed and the bytes that did it.
"""

import contextlib
import random
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import monotonic, process_time
from urllib.parse import urlsplit

from firewall import elements, leases, netlink, routing, sightings, snapshot, verbs
from firewall import wire as gate_wire
from portal.domain.card import read_card, read_pin
from portal.library.sip2.wire import Dialect, FrameReader, MalformedAnswerError, parse
from portal.web.forms import FormFault, parse_form
from radius_bridge import dictionary, extended, framing, passwords, values, wire
from radius_bridge.authenticators import judge_reply, judge_request
from radius_bridge.clients import FamilyName
from radius_bridge.credentials import check, read_credential
from radius_bridge.dynamic_requests import outcome_of
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import LoginToken, PortalSettings, Redirected
from radius_bridge.vendors.opennds_authmon import Entry, answer, answer_out, read_question
from radius_bridge.vendors.registry import family_of
from tests.fuzz.radius_datagram import DatagramPath

SLOWEST_S = 0.2
"""Of processor time, which the pauses of a busy machine do not count in."""
SLOWEST_OF_S = {"radius_datagram": 0.01}
"""Whoever can send a datagram may not hold everybody else up by it."""

REDIRECTS = Path(__file__).parents[1] / "vectors" / "access_points" / "redirects.txt"
ANNEX = sha256(b"Library%20Node%3a020000000001").hexdigest()
"""The hash of the name in the vector of openNDS."""
GATEWAYS = ("10.1.0.1", "10.5.50.1", "192.0.2.1", "192.0.2.20", "192.0.2.30", "192.0.2.40")
PORTALS = (
    PortalSettings((*GATEWAYS, "10.2.0.1")),
    PortalSettings(("10.2.0.1",), Secret(b"1234567890"), in_clear=True),
    PortalSettings(
        ("10.2.0.1",), Secret(b"1234567890"), in_clear=True, gateways=frozenset({ANNEX})
    ),
)

RADIUS_SEEDS = [
    bytes.fromhex(  # RFC 2865 section 7.1
        "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee"
        "0406c0a80110050600000003"
    ),
    # The 30 octets that held another server for ever: a vendor's attribute of length 0.
    bytes.fromhex("0100001e") + bytes(16) + bytes.fromhex("1a0a0000000901007878"),
    bytes.fromhex("01000027") + bytes(16) + bytes.fromhex("4f040102f10401025012") + bytes(9),
    # MAC authentication at an SSID, with a Proxy-State and an empty Chargeable-User-Identity.
    bytes.fromhex("01070000") + bytes(16) + b"\x01\x0e020000000001\x1f\x1302-00-00-00-00-01"
    b"\x1e\x1eAA-BB-CC-DD-EE-FF:Bibliotek\x21\x05odd\x59\x03\0\x2c\x06abcd",
    # An Interim with gigawords, times and counters.
    bytes.fromhex("04080000")
    + bytes(16)
    + bytes.fromhex(
        "2806000000032a060000ffff34060000000137060000000029060000000331060000000119065ea1f000"
    ),
]

SEEDS: dict[str, list[bytes]] = {
    "verbs": [
        b'{"verb":"admit","mac":"02:00:00:00:00:01","remaining_s":600,"profile":"default"}\n',
        b'{"verb":"reconcile","devices":[["02:00:00:00:00:01",1,"default"]]}\n',
        b'{"verb":"identify","ip":"fe80::1%guest0"}\n',
    ],
    "sip2": [
        b"24              00620260101    120000AO|AA4711|AEName|BLY|CQY|AY1AZE3D1\r",
        b"98YYYYNN60099920260101    1200002.00AO|BXYYYYYYYYYYYYYYYY|AY0AZ0000\r",
    ],
    "forms": [b"token=abc&card=20000000000001&pin=1234&lang=sv", b"card=%C3%A5%20&pin=+"],
    "netlink": [
        bytes.fromhex("240000000a00000001000000000000000000000008000300010000000800040002000000")
    ],
    "leases": [b"1790000000 02:00:00:00:00:01 10.44.0.17 phone 01:02:00:00:00:00:01\n"],
    "frames": [
        bytes.fromhex("ffffffffffff020000007701080600010800060400010200000077010a4d0065")
        + bytes(10),
        bytes.fromhex("ffffffffffff02000000770108004500001c0000000040110000") + bytes(20),
        bytes.fromhex("33330000000102000000770186dd6000000000083aff") + bytes(42),
    ],
    "snapshot": [snapshot.encode(snapshot.Snapshot(1.79e9, (("02:00:00:00:00:01", 1.79e9 + 60),)))],
    "radius": RADIUS_SEEDS,
    "redirects": [
        line[2:].encode() for line in REDIRECTS.read_text().splitlines() if line[0:2] == "> "
    ],
    "questions": [
        f"auth_get={verb}&gatewayhash={'0a' * 32}&payload={payload}".encode()
        for verb, payload in (
            ("view", "bm9uZQ%3D%3D"),
            (
                "view",
                "KiBhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJh",
            ),
            ("custom", "a3Zhci1vdXQ%3D"),
        )
    ],
    "radius_datagram": RADIUS_SEEDS,
    "radius_stream": [
        bytes.fromhex("0c000014") + bytes(16),
        bytes.fromhex("2a07002c")
        + bytes(16)
        + bytes.fromhex("5012")
        + bytes(16)
        + bytes.fromhex("6506000001f7"),
        bytes.fromhex("2b01001a") + bytes(16) + bytes.fromhex("370600000000"),
    ],
    "cards": [b"2000 0000 0000 01", b"19811218-9876", b"12\x0034|ADx|"],
}


def read_verbs(data: bytes) -> None:
    """The gate's socket."""
    with contextlib.suppress(verbs.RefusedError):
        gate_wire.decode_request(data)


def read_sip2(data: bytes) -> None:
    """The library system's answers."""
    for encoding in ("utf-8", "cp850"):
        for frame in [data, *FrameReader().feed(data)]:
            with contextlib.suppress(MalformedAnswerError):
                parse(frame, Dialect(encoding))


def read_forms(data: bytes) -> None:
    """What guests post."""
    parse_form(data)


def read_netlink(data: bytes) -> None:
    """The kernel's answers: not hostile, but of other versions."""
    with contextlib.suppress(netlink.MalformedError):
        for message in netlink.decode_messages(data):
            list(elements.decode_elements(message))
            elements.decode_shape(message)
            routing.decode_rule(message)
            routing.decode_link(message)
            routing.decode_neighbour(message)


def read_leases(data: bytes) -> None:
    """The lease file of dnsmasq, with host names that guests chose."""
    leases.decode_leases(data.decode("utf-8", "replace"), 0.0)


def read_frames(data: bytes) -> None:
    """What devices send to be on the network at all."""
    sightings.decode_sighting(data)


def read_snapshot(data: bytes) -> None:
    """The list of who was admitted, after a power cut."""
    body = data.partition(b"\n")[2]
    sealed = b"kvar-admitted 1 " + sha256(body).hexdigest().encode() + b"\n" + body
    for text in (data, sealed):
        with contextlib.suppress(snapshot.SnapshotError):
            snapshot.decode(text).remaining(0.0)


def read_radius(data: bytes) -> None:
    """What anybody may send to the RADIUS ports, before any secret is looked at."""
    for octets in (data, data[:2] + len(data).to_bytes(4, "big")[2:] + data[4:]):
        with contextlib.suppress(wire.MalformedPacketError):
            packet = wire.decode(octets)
            assert wire.encode(packet) == wire.cut(octets)
            _read_values(packet)


def _read_values(packet: wire.Packet) -> None:
    """What is read of a packet once it is known: every step accepts or refuses."""
    secret, at = Secret(b"secret"), packet.authenticator
    judge_request(packet, secret)
    extended.read_extended(packet)
    check(read_credential(packet, secret), secret)
    for kind, value in packet.attributes:
        definition = dictionary.numbered(0, kind)
        passwords.reveal_password(value, at, secret)
        passwords.reveal_salted(value, at, secret)
        passwords.chap_fits(value, secret, passwords.chap_challenge(packet))
        if definition is not None:
            with contextlib.suppress(values.MalformedValueError):
                values.decode_value(definition, values.split_tag(definition, value)[1])


def read_redirects(data: bytes) -> None:
    """What a visitor's browser may bring instead of an access point's redirect."""
    url, token = data.decode("utf-8", "surrogateescape"), LoginToken("kvar-x", Secret(b"y"))
    for family in map(family_of, FamilyName):
        for portal in PORTALS:
            visitor = family.read_redirect(url, portal)
            if isinstance(visitor, Redirected):
                back = family.way_back(visitor, token, portal, "https://wifi.example.org/")
                out = family.way_out(visitor.parameters)
                for address in ([] if back is None else [back.url]) + ([out] if out else []):
                    assert urlsplit(address).hostname in portal.hosts, address


def read_questions(data: bytes) -> None:
    """What may be asked in a gateway's name, and what its shell is answered."""
    fields = parse_form(data, longest_field=4096)
    if isinstance(fields, FormFault):
        return
    question = read_question(fields)
    if question is not None:
        entries = [Entry(rhid, len(data)) for rhid in (*question.rhids, *fields.values())]
        for text in (answer(entries), answer_out(fields.values())):
            assert re.fullmatch(r"\*( [0-9a-f]{64}(%20[0-9]+)*)*", text), text


def read_radius_stream(data: bytes) -> None:
    """What comes on a RADIUS/TLS connection, however it is cut, and the replies in it."""
    request = wire.Packet(wire.Code.DISCONNECT_REQUEST, 7, bytes(16))
    framer = framing.Framer()
    with contextlib.suppress(wire.MalformedPacketError):
        for at in range(0, len(data), 37):
            framer.feed(data[at : at + 37])
            while (octets := framer.next_packet()) is not None:
                reply = wire.decode(octets)
                judge_reply(reply, request, Secret(b"radsec"))
                outcome_of(reply)


def read_cards(data: bytes) -> None:
    """What guests type."""
    text = data.decode("utf-8", "replace")
    read_card(text)
    read_pin(text)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "verbs": read_verbs,
    "sip2": read_sip2,
    "forms": read_forms,
    "netlink": read_netlink,
    "leases": read_leases,
    "frames": read_frames,
    "snapshot": read_snapshot,
    "radius": read_radius,
    "redirects": read_redirects,
    "questions": read_questions,
    "radius_datagram": DatagramPath().take,
    "radius_stream": read_radius_stream,
    "cards": read_cards,
}


def mutate(dice: random.Random, seeds: list[bytes]) -> bytes:
    """Change a seed a few times: flip, cut, repeat, insert, join."""
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randrange(1, 6)):
        at, kind = dice.randrange(len(data) + 1), dice.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] = dice.randrange(256)
        elif kind == 1:
            del data[at : at + dice.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = dice.randbytes(dice.randrange(1, 9))
        elif kind == 3:
            data[at:at] = data[: dice.randrange(40)] * dice.randrange(1, 30)
        elif kind == 4:
            data += dice.choice(seeds)
        else:
            data[at:at] = dice.choice([b"\0", b"\r", b"\n", b"|", b"&", b"%", b"[" * 99, b"9" * 99])
    return bytes(data)


def fuzz(name: str, seconds: float, seed: int, at_least: int = 0) -> int:
    """Fuzz one target for so long, and with so many cases; return the number of cases.

    Raises:
        AssertionError: a case took too long. Any other exception is the parser's own fault.
    """
    dice, target, count = random.Random(seed), TARGETS[name], 0
    slowest_s = SLOWEST_OF_S.get(name, SLOWEST_S)
    end = monotonic() + seconds
    while monotonic() < end or count < at_least:
        data = mutate(dice, SEEDS[name])
        try:
            took_s = _time(target, data)
            if took_s >= slowest_s:  # the collector may have come by; what is slow stays slow
                took_s = min(_time(target, data) for _ in range(3))
        except Exception as problem:
            problem.add_note(f"{name}, seed {seed}, case {count}: {data!r}")
            raise
        assert took_s < slowest_s, f"{name}, seed {seed}: {took_s:.3f} s for {data!r}"
        count += 1
    return count


def _time(target: Callable[[bytes], None], data: bytes) -> float:
    began = process_time()
    target(data)
    return process_time() - began


def main(seconds: float, seed: int) -> None:
    """Fuzz every target and say how many cases each has borne."""
    for name in TARGETS:
        count = fuzz(name, seconds, seed)
        sys.stdout.write(f"{name}: {count} cases in {seconds:.0f} s, seed {seed}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, random.SystemRandom().getrandbits(32))
