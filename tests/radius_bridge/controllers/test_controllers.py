"""Controllers over HTTPS, against simulated ones that have their makers' traps."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from radius_bridge.access import Grant
from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.controllers.controller import Controller as Door
from radius_bridge.controllers.door import JsonDoor, Trust
from radius_bridge.controllers.omada import Omada
from radius_bridge.controllers.ruckus import Ruckus
from radius_bridge.controllers.unifi import UniFi
from radius_bridge.controllers.unifi_classic import ClassicUniFi
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import Redirected
from radius_bridge.vendors.omada_api import TimeUnit
from tests.peers.controllers import (
    API_KEY,
    OMADA_ID,
    PASSWORD,
    USER,
    Classic,
    Controller,
    Northbound,
    Official,
    OmadaController,
    running,
)
from tests.radius_bridge.vendors.devices import GRANT, NOON, PHONE, TOKEN

MAC = PHONE.mac or ""
OTHER = "3c:5a:b4:01:02:99"
SECRET = Secret(PASSWORD.encode())
AT_UNIFI = Redirected(MAC, parameters={"site": "default", "access_point": "aa:bb:cc:00:00:01"})
AT_OMADA = Redirected(
    MAC,
    parameters={
        "clientMac": "3C-5A-B4-01-02-03",
        "apMac": "AA-BB-CC-00-00-01",
        "ssidName": "Guest",
        "radioId": "1",
        "site": "Library",
    },
)


def at_ruckus(peer: Controller, client_mac: str = MAC) -> Redirected:
    parameters = {
        "interface": f"{peer.url}/portalintf",
        "client_mac": client_mac,
        "client_ip": "10.1.0.50",
        "proxy": "0",
    }
    return Redirected(None if client_mac.startswith("ENC") else MAC, parameters=parameters)


@asynccontextmanager
async def opened(peer: Controller, directory: Path, **how: float) -> AsyncIterator[JsonDoor]:
    async with (
        running(peer, directory) as url,
        JsonDoor(url, Trust(ca_file=peer.ca_file), answer_timeout_s=how.get("timeout", 60)) as door,
    ):
        yield door


def official(door: JsonDoor) -> UniFi:
    return UniFi(door, "default", Secret(API_KEY.encode()))


def classic(door: JsonDoor, password: Secret = SECRET) -> ClassicUniFi:
    return ClassicUniFi(door, "default", USER, password)


def omada(door: JsonDoor, unit: TimeUnit = TimeUnit.FOR_MILLISECONDS) -> Omada:
    return Omada(door, OMADA_ID, USER, SECRET, unit)


def ruckus(door: JsonDoor) -> Ruckus:
    return Ruckus(door, SECRET, ask_again_s=0)


def admission(visitor: Redirected, grant: Grant = GRANT) -> Admission:
    return Admission(visitor, grant, TOKEN)


KINDS: list[tuple[Callable[[], Controller], Callable[[JsonDoor], Door]]] = [
    (lambda: Official(devices={MAC}), official),
    (lambda: Classic(devices={MAC}), classic),
    (lambda: Classic(devices={MAC}, is_os=False), classic),
    (OmadaController, omada),
    (Northbound, ruckus),
]


def visitor_of(peer: Controller) -> Redirected:
    if isinstance(peer, Northbound):
        return at_ruckus(peer)
    return AT_OMADA if isinstance(peer, OmadaController) else AT_UNIFI


@pytest.mark.parametrize(("make_peer", "make"), KINDS)
async def test_a_device_is_let_in(
    make_peer: Callable[[], Controller], make: Callable[[JsonDoor], Door], tmp_path: Path
) -> None:
    peer = make_peer()
    async with opened(peer, tmp_path) as door:
        controller, visitor = make(door), visitor_of(peer)
        assert await controller.identify(visitor) == MAC
        await controller.admit(admission(visitor), NOON)
        assert len(peer.authorised) == 1
        await controller.admit(admission(visitor), NOON)  # a new end
        await controller.expel(visitor)
        assert len(peer.authorised) == isinstance(peer, OmadaController)
        await controller.expel(visitor)


@pytest.mark.parametrize(("make_peer", "make"), KINDS)
async def test_one_that_is_broken_lets_nobody_in_and_says_so(
    make_peer: Callable[[], Controller], make: Callable[[JsonDoor], Door], tmp_path: Path
) -> None:
    peer = make_peer()
    async with opened(peer, tmp_path) as door:
        controller, visitor = make(door), visitor_of(peer)
        await controller.admit(admission(visitor), NOON)
        peer.authorised.clear()
        peer.is_broken = True
        with pytest.raises(ControllerError) as told:
            await controller.admit(admission(visitor), NOON)
    assert peer.authorised == {}
    assert not any(word in str(told.value) for word in (MAC, PASSWORD, API_KEY, "127.0.0.1"))


@pytest.mark.parametrize(("make_peer", "make"), KINDS)
async def test_one_that_is_slow_is_not_waited_for(
    make_peer: Callable[[], Controller], make: Callable[[JsonDoor], Door], tmp_path: Path
) -> None:
    peer = make_peer()
    peer.answers_late_s = 30
    async with opened(peer, tmp_path, timeout=0.2) as door:
        with pytest.raises(ControllerError, match="no answer"):
            await make(door).admit(admission(visitor_of(peer)), NOON)


@pytest.mark.parametrize("make", [official, classic])
async def test_unifi_tells_whether_it_knows_a_device(
    make: Callable[[JsonDoor], Door], tmp_path: Path
) -> None:
    """R35: the redirect is unsigned."""
    peer = Official(devices={MAC}) if make is official else Classic(devices={MAC})
    async with opened(peer, tmp_path) as door:
        controller = make(door)
        assert await controller.identify(replace(AT_UNIFI, mac=OTHER)) is None
        elsewhere = replace(AT_UNIFI, parameters={"site": "other"})
        assert await controller.identify(elsewhere) is None
        assert await controller.identify(AT_UNIFI) == MAC


async def test_unifi_counts_minutes_and_none_is_lost(tmp_path: Path) -> None:
    """R35: 61 seconds are two minutes."""
    grant = replace(GRANT, session_timeout_s=61)
    peer = Official(devices={MAC})
    async with opened(peer, tmp_path) as door:
        await official(door).admit(admission(AT_UNIFI, grant), NOON)
    assert peer.authorised[MAC]["timeLimitMinutes"] == 2
    assert peer.authorised[MAC]["rxRateLimitKbps"] == 2_000
    assert peer.authorised[MAC]["txRateLimitKbps"] == 8_000
    older = Classic()
    async with opened(older, tmp_path) as door:
        await classic(door).admit(admission(AT_UNIFI, grant), NOON)
    assert older.authorised[MAC]["minutes"] == 2
    assert older.authorised[MAC]["ap_mac"] == "aa:bb:cc:00:00:01"


async def test_unifi_refuses_a_device_that_left_meanwhile(tmp_path: Path) -> None:
    peer = Official()
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="does not know"):
            await official(door).admit(admission(AT_UNIFI), NOON)


async def test_a_wrong_key_is_told_and_asked_for_once(tmp_path: Path) -> None:
    peer = Official(devices={MAC})
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="401"):
            await UniFi(door, "default", Secret(b"other")).admit(admission(AT_UNIFI), NOON)
        with pytest.raises(ControllerError, match="no such site"):
            await UniFi(door, "elsewhere", Secret(API_KEY.encode())).identify(
                replace(AT_UNIFI, parameters={"site": "elsewhere"})
            )


async def test_a_restarted_unifi_is_logged_in_at_again_and_once(tmp_path: Path) -> None:
    peer = Classic(devices={MAC})
    async with opened(peer, tmp_path) as door:
        controller = classic(door)
        for _ in range(3):  # each answer brings another token
            await controller.admit(admission(AT_UNIFI), NOON)
        assert peer.asked.count("POST /api/auth/login") == 1
        peer.restart()
        await controller.admit(admission(AT_UNIFI), NOON)
        assert peer.asked.count("POST /api/auth/login") == 2
        peer.csrf = "another"
        await controller.admit(admission(AT_UNIFI), NOON)
    assert peer.asked.count("POST /api/auth/login") == 3


async def test_a_wrong_password_is_not_tried_twice(tmp_path: Path) -> None:
    peer = Classic(devices={MAC})
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="400"):
            await classic(door, Secret(b"wrong")).admit(admission(AT_UNIFI), NOON)
    assert peer.asked.count("POST /api/auth/login") == 1


async def test_omada_is_logged_in_at_again_when_its_operators_time_is_over(tmp_path: Path) -> None:
    peer = OmadaController()
    async with opened(peer, tmp_path) as door:
        controller = omada(door)
        await controller.admit(admission(AT_OMADA), NOON)
        peer.restart()
        await controller.admit(admission(AT_OMADA), NOON)
    assert peer.asked.count(f"POST /{OMADA_ID}/api/v2/hotspot/login") == 2
    sent = peer.authorised["3C-5A-B4-01-02-03"]
    assert (sent["time"], sent["radioId"], sent["site"]) == (28_800_000, 1, "Library")


async def test_omada_says_in_a_200_that_it_refused(tmp_path: Path) -> None:
    async with opened(OmadaController(), tmp_path) as door:
        wrong = Omada(door, OMADA_ID, USER, Secret(b"wrong"), TimeUnit.FOR_MILLISECONDS)
        with pytest.raises(ControllerError, match="operator"):
            await wrong.admit(admission(AT_OMADA), NOON)


async def test_ruckus_is_waited_for_while_it_asks_us(tmp_path: Path) -> None:
    """R33: 202 is no answer."""
    peer = Northbound()
    async with opened(peer, tmp_path) as door:
        await ruckus(door).admit(admission(at_ruckus(peer)), NOON)
    assert peer.logins[MAC] == (TOKEN.user_name, TOKEN.password.reveal().decode())
    assert len(peer.asked) == 4


async def test_a_login_that_our_server_refuses_lets_nobody_in(tmp_path: Path) -> None:
    peer = Northbound(radius=lambda _name, _password: False)
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="refused"):
            await ruckus(door).admit(admission(at_ruckus(peer)), NOON)


async def test_a_controller_that_never_ends_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radius_bridge.controllers.ruckus.PATIENCE_S", 0.1)
    peer = Northbound(never_done=True)
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="still"):
            await ruckus(door).admit(admission(at_ruckus(peer)), NOON)


async def test_a_hidden_address_is_asked_for(tmp_path: Path) -> None:
    peer = Northbound()
    async with opened(peer, tmp_path) as door:
        hidden = at_ruckus(peer, "ENC0123456789abcdef")
        assert await ruckus(door).identify(hidden) == MAC
        with pytest.raises(ControllerError, match="misconfigured"):
            await Ruckus(door, Secret(b"wrong")).admit(admission(hidden), NOON)


# --- the door -------------------------------------------------------------------------------------


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    peer = Official(devices={MAC})
    async with running(peer, tmp_path) as url, JsonDoor(url, Trust()) as door:
        with pytest.raises(ControllerError, match="Certificate"):
            await official(door).admit(admission(AT_UNIFI), NOON)
    assert peer.asked == []


@pytest.mark.parametrize("is_right", [True, False])
async def test_a_pinned_certificate_is_that_one_or_none(tmp_path: Path, is_right: bool) -> None:
    peer = Official(devices={MAC})
    async with running(peer, tmp_path) as url:
        pin = peer.fingerprint if is_right else bytes(32)
        async with JsonDoor(url, Trust(fingerprint=pin)) as door:
            if is_right:
                await official(door).admit(admission(AT_UNIFI), NOON)
            else:
                with pytest.raises(ControllerError, match="Fingerprint"):
                    await official(door).admit(admission(AT_UNIFI), NOON)
    assert bool(peer.authorised) is is_right
    assert bool(peer.asked) is is_right


async def test_no_redirect_is_followed_with_our_key(tmp_path: Path) -> None:
    class Leading(Official):
        async def sites(self, _: web.Request) -> web.Response:
            raise web.HTTPFound(f"{self.url}/elsewhere")

    peer = Leading(devices={MAC})
    async with opened(peer, tmp_path) as door:
        with pytest.raises(ControllerError, match="302"):
            await official(door).identify(AT_UNIFI)
    assert len(peer.asked) == 1


async def test_an_endless_answer_is_not_read(tmp_path: Path) -> None:
    class Talking(Official):
        async def sites(self, _: web.Request) -> web.Response:
            return web.Response(body=b"[" * 300_000)

    async with opened(Talking(devices={MAC}), tmp_path) as door:
        with pytest.raises(ControllerError, match="too long"):
            await official(door).identify(AT_UNIFI)


async def test_nested_rubbish_is_no_answer(tmp_path: Path) -> None:
    class Nested(Official):
        async def sites(self, _: web.Request) -> web.Response:
            return web.Response(body=b"[" * 200_000)

    async with opened(Nested(devices={MAC}), tmp_path) as door:
        with pytest.raises(ControllerError, match="no such site"):
            await official(door).identify(AT_UNIFI)


async def test_a_door_that_is_not_open_leads_nowhere() -> None:
    with pytest.raises(ControllerError, match="not open"):
        await official(JsonDoor("https://127.0.0.1:1", Trust())).identify(AT_UNIFI)


async def test_nobody_there_is_no_answer() -> None:
    async with JsonDoor("https://127.0.0.1:1", Trust()) as door:
        with pytest.raises(ControllerError, match="no answer"):
            await official(door).identify(AT_UNIFI)
