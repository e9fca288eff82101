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


def mac_authentications(
    users: Sequence[User], count: int, seed: int, *, roams: bool = False
) -> Iterator[bytes]:
    """Yield so many MAC authentications of devices drawn at random.

    Each device asks from its own access point and in its own session, as when its time there is
    over; or, where it `roams`, every time from another one, in another session.
    """
    for number, place, user, authenticator in _drawn(users, count, seed):
        at = number if roams else place
        yield _login(number, at, authenticator, _CALL_CHECK, user, _pap(user, authenticator))


def pap_logins(users: Sequence[User], count: int, seed: int) -> Iterator[bytes]:
    """Yield so many PAP logins of users drawn at random."""
    for number, place, user, authenticator in _drawn(users, count, seed):
        yield _login(number, place, authenticator, _LOGIN, user, _pap(user, authenticator))


def chap_logins(users: Sequence[User], count: int, seed: int) -> Iterator[bytes]:
    """Yield so many CHAP logins of users drawn at random."""
    for number, place, user, authenticator in _drawn(users, count, seed):
        response = chap_response(number % 256, Secret(user.password.encode()), authenticator)
        shown = (Attribute(3, response), Attribute(60, authenticator))
        yield _login(number, place, authenticator, _LOGIN, user, shown)


def _drawn(users: Sequence[User], count: int, seed: int) -> Iterator[tuple[int, int, User, bytes]]:
    """Yield a packet's number, a user with its place in the list, and sixteen random octets."""
    draw = Random(seed)
    for number in range(count):
        place = draw.randrange(len(users))
        yield number, place, users[place], draw.randbytes(16)


def _pap(user: User, authenticator: bytes) -> tuple[Attribute, ...]:
    hidden = hide_password(Secret(user.password.encode()), authenticator, SECRET)
    return (Attribute(2, hidden),)


def _login(  # noqa: PLR0913, PLR0917 - what makes a login
    number: int,
    place: int,
    authenticator: bytes,
    service: bytes,
    user: User,
    shown: tuple[Attribute, ...],
) -> bytes:
    attributes = (
        Attribute(1, user.name.encode()),
        *shown,
        *_nas(place % NAS_COUNT, place),
        Attribute(6, service),
        *_stations(user.mac),
        Attribute(44, f"{place:08x}".encode()),
    )
    identifier = _identifier(number)
    packet = Packet(Code.ACCESS_REQUEST, identifier, authenticator, attributes)
    return sign_request(packet, SECRET)


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
