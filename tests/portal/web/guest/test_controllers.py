"""Visitors whom a controller lets in: the page tells it, and says so when it does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from structlog.testing import capture_logs

from portal.access_points.senders import BridgedAccessPoints, Sender
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress, SiteId
from portal.domain.way_back import Browser
from portal.services.ports.access_points import Arrival, Unbelieved, Unseen
from portal.web.guest.budget import FORMS
from radius_bridge.clients import FamilyName
from radius_bridge.controllers.controller import Admission, Controller
from radius_bridge.controllers.door import JsonDoor, Trust
from radius_bridge.controllers.unifi import UniFi
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings, Redirected
from tests.peers.controllers import API_KEY, Official, running
from tests.portal.web.portal_under_test import (
    DEVICE,
    KEYS,
    NOW,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

AT = "/guest/s/default/?ap=aa:bb:cc:00:00:01&id={mac}&t=1764167400&url=http%3A%2F%2Fx.se%2F&ssid=G"
HIDDEN = MacAddress("3c:5a:b4:01:02:03")
UNIFI = Sender(
    AccessPoint("house", SiteId("city"), download_bit_s=8_000_000),
    FamilyName.UNIFI,
    fixed_path="/guest/s/default",
)


@dataclass
class Stage:
    portal: Portal
    controller: Official
    points: BridgedAccessPoints
    counted: list[tuple[str, str]]

    async def get(self, path: str) -> Answer:
        return await exchange(self.portal.plain_port, get(path))

    async def post(self, path: str, **fields: str) -> Answer:
        return await exchange(self.portal.plain_port, post(path, fields))

    async def arrive(self, mac: str = DEVICE.mac) -> str:
        answer = await self.get(AT.format(mac=mac))
        assert answer.status == 302, answer.body
        return answer.headers["Location"].removesuffix("/")

    async def sign_in(self) -> str:
        """Return the address of the status page."""
        prefix = await self.arrive()
        token = (await self.get(f"{prefix}/")).token("card")
        answer = await self.post(f"{prefix}/card", card="20000000000001", pin="1234", token=token)
        return answer.headers["Location"]


@asynccontextmanager
async def unifi(directory: Path, guest: FakeGuest | None = None) -> AsyncIterator[Stage]:
    peer = Official(devices={DEVICE.mac})
    async with (
        running(peer, directory) as url,
        JsonDoor(url, Trust(ca_file=peer.ca_file), answer_timeout_s=60) as door,
    ):
        controllers: dict[str, Controller] = {
            "house": UniFi(door, "default", Secret(API_KEY.encode()))
        }
        points = BridgedAccessPoints([UNIFI], KEYS, controllers)
        counted: list[tuple[str, str]] = []
        points.observer = lambda *outcome: counted.append(outcome)
        async with running_portal(guest or FakeGuest(), access_points=points) as portal:
            yield Stage(portal, peer, points, counted)


async def test_a_login_is_told_before_the_page_says_that_one_is_online(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        answer = await stage.get(await stage.sign_in())
        assert stage.controller.authorised[DEVICE.mac]["timeLimitMinutes"] == 241  # 4 h and 2 s
        assert stage.controller.authorised[DEVICE.mac]["txRateLimitKbps"] == 8_000
        status = await stage.get(answer.headers["Location"])
    assert "Du är uppkopplad" in status.body
    assert stage.counted == [("house", "believed")]


async def test_who_is_online_is_let_in_again_without_a_login(tmp_path: Path) -> None:
    async with unifi(tmp_path, FakeGuest(session=make_session())) as stage:
        prefix = await stage.arrive()
        answer = await stage.get(f"{prefix}/")
        assert DEVICE.mac in stage.controller.authorised
        assert answer.headers["Location"].endswith("/status")


async def test_nobody_makes_us_ask_the_controller_as_fast_as_he_can(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        location = await stage.sign_in()
        before = len(stage.controller.asked)
        answers = [await stage.get(location) for _ in range(FORMS.burst + 20)]
        told = len(stage.controller.asked) - before
    assert [one.status for one in answers] == [303] * FORMS.burst + [429] * 20
    assert told == FORMS.burst * 2  # it is looked for, and let in


async def test_a_device_that_the_controller_does_not_know_is_nobody(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        answer = await stage.get(AT.format(mac="02:00:00:00:00:99"))
        other = await stage.get(AT.format(mac=DEVICE.mac).replace("default", "other"))
    assert (answer.status, other.status) == (403, 404)
    assert stage.counted == [("house", "unknown_device")]


async def test_a_controller_that_is_away_lets_nobody_in_and_is_told(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        location = await stage.sign_in()
        stage.controller.is_broken = True
        with capture_logs() as logs:
            answer = await stage.get(location)
            arriving = await stage.get(AT.format(mac=DEVICE.mac))
        assert stage.controller.authorised == {}
        stage.controller.is_broken = False
        again = await stage.get(location)
        assert DEVICE.mac in stage.controller.authorised
    assert (answer.status, arriving.status, again.status) == (503, 503, 303)
    assert "Enheten kom inte ut på nätet" in answer.body
    assert logs[0]["event"] == "controller_did_not_confirm"
    assert DEVICE.mac not in str(logs)


async def test_a_log_off_puts_it_out_at_the_controller(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        inside = (await stage.get(await stage.sign_in())).headers["Location"]
        token = (await stage.get(inside)).token("logout")
        assert stage.controller.authorised
        answer = await stage.post(inside.replace("/status", "/logout"), token=token)
    assert answer.status == 303
    assert stage.controller.authorised == {}


async def test_a_log_off_is_done_though_the_controller_is_away(tmp_path: Path) -> None:
    guest = FakeGuest()
    async with unifi(tmp_path, guest) as stage:
        inside = (await stage.get(await stage.sign_in())).headers["Location"]
        token = (await stage.get(inside)).token("logout")
        stage.controller.is_broken = True
        with capture_logs() as logs:
            answer = await stage.post(inside.replace("/status", "/logout"), token=token)
    assert (answer.status, guest.session) == (303, None)
    assert [(one["event"], one["verb"]) for one in logs] == [
        ("controller_did_not_confirm", "expel")
    ]


async def test_a_new_end_is_told(tmp_path: Path) -> None:
    async with unifi(tmp_path, FakeGuest(can_extend=True)) as stage:
        inside = (await stage.get(await stage.sign_in())).headers["Location"]
        token = (await stage.get(inside)).token("extend")
        await stage.post(inside.replace("/status", "/extend"), token=token)
        assert stage.controller.authorised[DEVICE.mac]["timeLimitMinutes"] == 301
        stage.controller.is_broken = True
        answer = await stage.post(inside.replace("/status", "/extend"), token=token)
    assert answer.headers["Location"].endswith("done=extend")  # the controller's end is told later


async def test_nobody_comes_from_elsewhere(tmp_path: Path) -> None:
    async with unifi(tmp_path) as stage:
        only = replace(UNIFI, visitor_networks=(ip_network("192.0.2.0/24"),))
        points = BridgedAccessPoints([only], KEYS)
        url = "http://10.1.2.3" + AT.format(mac=DEVICE.mac)
        for ip in ("127.0.0.1", "2001:db8::1", "", "fe80::1%eth0"):
            assert await points.arrive("house", url, Browser(ip)) is Unbelieved.ELSEWHERE
        assert not isinstance(await points.arrive("house", url, Browser("192.0.2.7")), Unbelieved)
        assert stage.counted == []


class Knowing:
    """A controller that is only asked who somebody is."""

    knows_addresses = False

    def __init__(self, mac: str | None) -> None:
        self.mac = mac

    async def identify(self, visitor: Redirected) -> str | None:
        assert visitor.mac is None
        assert visitor.parameters["client_mac"] == "ENC0123456789abcdef"
        return self.mac

    async def admit(self, admission: Admission, now: datetime) -> None:
        raise AssertionError(admission, now)

    async def expel(self, visitor: Redirected) -> None:
        raise AssertionError(visitor)


async def test_a_hidden_address_is_shown_by_its_controller_alone() -> None:
    settings = PortalSettings(("192.0.2.9",))
    sender = Sender(AccessPoint("zone", SiteId("city")), FamilyName.RUCKUS, settings)
    query = "nbiIP=192.0.2.9&client_mac=ENC0123456789abcdef&uip=10.1.0.5&proxy=0"
    url = f"http://w.se/at/zone?{query}"
    knowing = BridgedAccessPoints([sender], KEYS, {"zone": Knowing(HIDDEN)})
    arrival = await knowing.arrive("zone", url, Browser("127.0.0.1"))
    assert isinstance(arrival, Arrival)
    assert arrival.passage.device.mac == HIDDEN
    assert not arrival.passage.is_proved
    assert knowing.way_in(arrival.passage, "https://w.se/status", NOW) is Unseen.TOLD
    for controllers in ({}, {"zone": Knowing(None)}):
        nobody = BridgedAccessPoints([sender], KEYS, controllers)
        assert await nobody.arrive("zone", url, Browser("127.0.0.1")) is Unbelieved.UNKNOWN_DEVICE


async def test_extending_by_more_than_the_session_had_is_the_sessions_affair(
    tmp_path: Path,
) -> None:
    session = make_session(ends_at=make_session().started_at + timedelta(seconds=59))
    async with unifi(tmp_path, FakeGuest(session=session)) as stage:
        prefix = await stage.arrive()
        await stage.get(f"{prefix}/")
        assert stage.controller.authorised[DEVICE.mac]["timeLimitMinutes"] == 2  # 59 s and 2 s
