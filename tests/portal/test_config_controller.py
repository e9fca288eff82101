"""The controller's part of the configuration: what is accepted, refused, and what it becomes."""

from pathlib import Path

import pytest

from portal.composition.access_points import open_access_points
from portal.composition.controllers import open_controllers
from portal.composition.start import StartError
from portal.services.key_ring import KeyRing
from portal.storage.database import Database
from radius_bridge.controllers.omada import Omada
from radius_bridge.controllers.ruckus import Ruckus
from radius_bridge.controllers.unifi import UniFi
from radius_bridge.controllers.unifi_classic import ClassicUniFi
from tests.portal.configurations import VILLAGE, parsed, problems

KEY = "radius.clients[0].controller"
PIN = "AB:" * 31 + "CD"
NOBODY = Database("postgresql://nobody.invalid/")
"""It is asked nothing at the start."""


def client(family: str, name: str = "house") -> str:
    return f"""
[[radius.clients]]
name = "{name}"
family = "{family}"
site = "village"

[radius.clients.controller]
"""


UNIFI = client("unifi") + 'url = "https://192.0.2.5:8443"\nsecret = "the key"\n'
OMADA = client("omada") + 'url = "https://192.0.2.6"\nuser = "kvar"\nsecret = "x"\n'
RUCKUS = client("ruckus") + 'secret = "x"\n'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (UNIFI, UniFi),
        (UNIFI + 'user = "kvar"', ClassicUniFi),
        (UNIFI + f'certificate_sha256 = "{PIN}"', UniFi),
        (OMADA + 'omada_id = "0123456789abcdef0123456789abcdef"', Omada),
        (RUCKUS, Ruckus),
    ],
)
async def test_each_family_gets_its_controller(text: str, kind: type) -> None:
    async with open_controllers(parsed(VILLAGE + text)) as opened:
        assert {name: type(one) for name, one in opened.items()} == {"house": kind}


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (client("cisco") + 'url = "https://a.se"\nsecret = "x"', KEY, "no controller"),
        (client("unifi") + 'secret = "x"', f"{KEY}.url", "missing"),
        (RUCKUS + 'url = "https://a.se"', f"{KEY}.url", "leave it out"),
        (client("unifi") + 'url = "https://a.se"', f"{KEY}.secret", "needed"),
        (UNIFI + 'secret_file = "s"', f"{KEY}.secret", "needed"),
        (UNIFI.replace("https", "http"), f"{KEY}.url", "https://"),
        (UNIFI.replace(":8443", "/network"), f"{KEY}.url", "https://"),
        (UNIFI + 'site = "../admin"', f"{KEY}.site", "pattern"),
        (UNIFI + 'certificate_sha256 = "abc"', f"{KEY}.certificate_sha256", "fingerprint"),
        (
            UNIFI + f'ca_file = "a.pem"\ncertificate_sha256 = "{PIN}"',
            f"{KEY}.ca_file",
            "keep one",
        ),
        (OMADA.replace('user = "kvar"', ""), f"{KEY}.user", "operator"),
        (OMADA + 'omada_id = "../x"', f"{KEY}.omada_id", "hexadecimal"),
    ],
)
def test_what_contradicts_itself_is_refused(text: str, key: str, words: str) -> None:
    assert words in problems(VILLAGE + text)[key]


async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    text = UNIFI.replace('secret = "the key"', f'secret_file = "{secret}"')
    with pytest.raises(StartError, match=str(secret)):
        await _open(text)
    secret.write_text("the key")
    secret.chmod(0o600)
    await _open(text)
    with pytest.raises(StartError, match="ca_file"):
        await _open(UNIFI + f'ca_file = "{tmp_path}/none.pem"')


async def _open(text: str) -> None:
    async with open_controllers(parsed(VILLAGE + text)):
        pass


async def test_visitors_of_unifi_come_by_the_address_that_it_has_fixed(tmp_path: Path) -> None:
    text = (
        UNIFI
        + 'site = "annex"'
        + client("opennds", "other").replace("[radius.clients.controller]", 'portal_secret = "abc"')
    )
    async with open_access_points(parsed(VILLAGE + text), KeyRing(tmp_path), NOBODY) as points:
        assert points is not None
        assert points.client_at("/guest/s/annex/") == "house"
        assert points.client_at("/guest/s/default/") is None
        assert points.client_at("/at/other") == "other"


async def test_without_access_points_there_are_none(tmp_path: Path) -> None:
    text = VILLAGE.partition("[radius]")[0] + 'guest_interfaces = ["guest0"]\n'
    async with open_access_points(parsed(text), KeyRing(tmp_path), NOBODY) as points:
        assert points is None
