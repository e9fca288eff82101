"""The requests that `radius_load.c` sends: made and signed before any clock runs.

The same packets go to every server. Packet i leaves by socket i mod 8 and is signed with the
identifier that this socket has next, so that 2,048 may be on their way at once.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from time import time

from radius_bridge.authenticators import sign_request
from radius_bridge.dictionary import AccountingStatus
from radius_bridge.passwords import chap_response, hide_password
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Code, Packet

SECRET = Secret(b"a-secret-of-the-benchmark")
SOCKETS = 8
IDENTIFIERS = 256
"""Both as in radius_load.c."""

NAS_COUNT = 16
BLOCK = 512
"""So many sessions start, then report, then stop: a Start is answered long before its Stop."""

_WIRELESS = (19).to_bytes(4)
_LOGIN = (1).to_bytes(4)
_CALL_CHECK = (10).to_bytes(4)
_SSID = "Bibliotek-gast"


@dataclass(frozen=True, slots=True)
class User:
    """Who logs in: a device by its address, or somebody with a name and a password."""

    name: str
    password: str
    mac: str


def mac_of(number: int) -> str:
    """Return the address of a device, such as 02:00:00:00:00:2a."""
    return (0x02_00_00_00_00_00 + number).to_bytes(6).hex(":")


def devices(count: int) -> list[User]:
    """Return devices whose name and password are their address, as access points write it."""
    macs = [mac_of(number) for number in range(count)]
    return [User(mac.replace(":", ""), mac.replace(":", ""), mac) for mac in macs]


def mac_authentications(users: Sequence[User], count: int, seed: int) -> Iterator[bytes]:
    """Yield so many MAC authentications of devices drawn at random."""
    return _logins(users, count, seed, _CALL_CHECK, is_chap=False)


def pap_logins(users: Sequence[User], count: int, seed: int) -> Iterator[bytes]:
    """Yield so many PAP logins of users drawn at random."""
    return _logins(users, count, seed, _LOGIN, is_chap=False)


def chap_logins(users: Sequence[User], count: int, seed: int) -> Iterator[bytes]:
    """Yield so many CHAP logins of users drawn at random."""
    return _logins(users, count, seed, _LOGIN, is_chap=True)


def _logins(
    users: Sequence[User], count: int, seed: int, service: bytes, *, is_chap: bool
) -> Iterator[bytes]:
    draw = Random(seed)
    for number in range(count):
        user, authenticator = draw.choice(users), draw.randbytes(16)
        password = Secret(user.password.encode())
        if is_chap:
            challenge = draw.randbytes(16)
            shown = (
                Attribute(3, chap_response(number % 256, password, challenge)),
                Attribute(60, challenge),
            )
        else:
            shown = (Attribute(2, hide_password(password, authenticator, SECRET)),)
        attributes = (
            Attribute(1, user.name.encode()),
            *shown,
            *_nas(number % NAS_COUNT, number),
            Attribute(6, service),
            *_stations(user.mac),
            Attribute(44, f"{number:08x}".encode()),
        )
        packet = Packet(Code.ACCESS_REQUEST, _identifier(number), authenticator, attributes)
        yield sign_request(packet, SECRET)


def accounting(users: Sequence[User], blocks: int, seed: int) -> Iterator[bytes]:
    """Yield Start, Interim and Stop of so many blocks of sessions; their ids never come again."""
    run, began, number = f"{time():.6f}{seed}", int(time()), 0
    for first in range(0, blocks * BLOCK, BLOCK):
        for step, status in enumerate(_STEPS):
            for session in range(first, first + BLOCK):
                user = users[session % len(users)]
                body = (*_report(status, step, began), *_session(user, run, session))
                yield sign_request(
                    Packet(Code.ACCOUNTING_REQUEST, _identifier(number), b"", body), SECRET
                )
                number += 1


_STEPS = (AccountingStatus.START, AccountingStatus.INTERIM_UPDATE, AccountingStatus.STOP)


def _session(user: User, run: str, session: int) -> tuple[Attribute, ...]:
    return (
        Attribute(1, user.name.encode()),
        *_nas(session % NAS_COUNT, session),
        *_stations(user.mac),
        Attribute(44, f"{run}-{session:x}".encode()),
    )


def _report(status: AccountingStatus, step: int, began: int) -> tuple[Attribute, ...]:
    octets, packets, seconds = 1_000_000 * step, 1_000 * step, 300 * step
    counters = (
        Attribute(42, octets.to_bytes(4)),
        Attribute(43, (9 * octets).to_bytes(4)),
        Attribute(47, packets.to_bytes(4)),
        Attribute(48, (9 * packets).to_bytes(4)),
        Attribute(46, seconds.to_bytes(4)),
    )
    return (
        Attribute(40, int(status).to_bytes(4)),
        Attribute(55, (began + step).to_bytes(4)),
        Attribute(41, bytes(4)),
        *(counters if step else ()),
        *((Attribute(49, (1).to_bytes(4)),) if status is AccountingStatus.STOP else ()),
    )


def _nas(point: int, port: int) -> tuple[Attribute, ...]:
    return (
        Attribute(4, (IPv4Address("10.9.0.1") + point).packed),
        Attribute(5, (port & 0xFFFF).to_bytes(4)),
        Attribute(61, _WIRELESS),
        Attribute(32, f"library-ap{point}".encode()),
    )


def _stations(mac: str) -> tuple[Attribute, ...]:
    called = f"02-4B-41-50-00-01:{_SSID}"
    return Attribute(30, called.encode()), Attribute(31, mac.upper().replace(":", "-").encode())


def _identifier(number: int) -> int:
    return number // SOCKETS % IDENTIFIERS


def write(packets: Iterator[bytes], directory: Path, name: str) -> Path:
    """Put packets one after the other into a file; each tells its own length."""
    path = directory / f"{name}-{os.urandom(4).hex()}.packets"
    with path.open("wb") as file:
        file.writelines(packets)
    return path
