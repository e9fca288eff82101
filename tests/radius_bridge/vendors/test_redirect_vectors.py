"""Each family's redirect and its way back, as its source has them.

The vectors are text: tests/vectors/access_points/redirects.txt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings, Redirected
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.devices import TOKEN, WELCOME

FILE = Path(__file__).parents[2] / "vectors" / "access_points" / "redirects.txt"


@dataclass
class Vector:
    family: FamilyName
    hosts: tuple[str, ...] = ()
    secret: Secret | None = None
    url: str = ""
    read: list[str] = field(default_factory=list)


def vectors() -> Iterator[Vector]:
    vector = None
    for line in FILE.read_text("utf-8").splitlines():
        word, _, rest = line.partition(" ")
        match word:
            case "family":
                if vector is not None:
                    yield vector
                vector = Vector(FamilyName(rest))
            case "" | "#":
                continue
            case _:
                assert vector is not None
                put(vector, word, rest)
    assert vector is not None
    yield vector


def put(vector: Vector, word: str, rest: str) -> None:
    match word:
        case "hosts":
            vector.hosts = tuple(rest.split())
        case "secret":
            vector.secret = Secret(rest.encode())
        case ">":
            vector.url = rest
        case _:
            vector.read.append(f"{word} {rest}".strip())


def said(vector: Vector) -> Iterator[str]:
    family, settings = (
        family_of(vector.family),
        PortalSettings(vector.hosts, vector.secret, in_clear=True),
    )
    visitor = family.read_redirect(vector.url, settings)
    assert isinstance(visitor, Redirected), visitor
    yield f"mac {visitor.mac or 'hidden'}"
    if visitor.ip:
        yield f"ip {visitor.ip}"
    if visitor.original_url:
        yield f"original {visitor.original_url}"
    if visitor.failed:
        yield "failed"
    back = family.way_back(visitor, TOKEN, settings, WELCOME)
    if back is None:
        yield from (f"told {key} {value}" for key, value in visitor.parameters.items())
        return
    yield f"{back.method} {back.url}"
    yield from (f"field {key} {value}" for key, value in back.fields)
    out = family.way_out(visitor.parameters)
    if out is not None:
        yield f"out {out}"


VECTORS = list(vectors())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector.family))
def test_a_visitor_is_read_and_led_back(vector: Vector) -> None:
    assert list(said(vector)) == vector.read


def test_every_family_with_a_portal_has_a_vector() -> None:
    without = {FamilyName.STANDARD, FamilyName.HOSTAPD}
    assert {vector.family for vector in VECTORS} == set(FamilyName) - without


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector.family))
def test_what_others_send_is_none_of_a_family(vector: Vector) -> None:
    """A wrong `family` in the configuration shows as such, and not as a forged redirect."""
    for name in FamilyName:
        if name is not vector.family and {name, vector.family} != {
            FamilyName.ARUBA,
            FamilyName.ARUBA_INSTANT,
        }:
            settings = PortalSettings(vector.hosts, vector.secret)
            assert family_of(name).read_redirect(vector.url, settings) is None
