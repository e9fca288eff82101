"""Gateways that ask whom to let in: openNDS at levels 3 and 4, as its scripts ask."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from portal.access_points.gateways import AskingGateways
from portal.access_points.senders import BridgedAccessPoints, Sender
from portal.domain.access_point import AccessPoint
from portal.domain.gateway_admission import LISTED_FOR
from portal.domain.identity import SiteId
from portal.domain.session import Session
from portal.web.guest.budget import QUESTIONS
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings
from radius_bridge.vendors.opennds_authmon import gateway_hash
from tests.portal.services.gateway_admissions import MemoryGatewayAdmissions
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

KEY = b"1234567890"
NAME = "Annex Node:0a1b2c3d4e5f "
HASH = gateway_hash(NAME)
HID = hashlib.sha256(b"of the gateway").hexdigest()
RHID = hashlib.sha256(HID.encode() + KEY).hexdigest()
CARD, PIN = "20000000000001", "1234"
SENDER = Sender(
    AccessPoint("annex", SiteId("city"), download_bit_s=8_000_000),
    FamilyName.OPENNDS,
    PortalSettings(("10.2.0.1",), Secret(KEY), in_clear=True, gateways=frozenset({HASH})),
)
AGENT = "User-Agent: openNDS(authmon;NDS:9.10.0;)"
ASKED = f"* {RHID}%20241%200%208000%200%200"
HOST = "wifi.library.test"
"""Where the portal speaks plain HTTP; `localhost` is as if a relay ended TLS."""


def redirect(hid: str = HID, name: str = "Annex%20Node%3a0a1b2c3d4e5f%20") -> str:
    """Return where level 4 sends a visitor; level 3 is the same, enciphered."""
    pairs = (
        f"hid={hid}, clientip=10.2.0.50, clientmac={DEVICE.mac}, client_type=cpd_can, cpi_query=, "
        f"gatewayname={name}, gatewayurl=, version=10.1.3, gatewayaddress=10.2.0.1:2050, "
        "gatewaymac=0a1b2c3d4e5f, originurl=http%3a%2f%2fexample.com%2f, clientif=br-lan"
    )
    return f"/at/annex?fas={quote(base64.b64encode(pairs.encode()).decode())}"


@dataclass
class Library:
    guest: FakeGuest = field(default_factory=FakeGuest)
    now: datetime = NOW
    sender: Sender = SENDER

    def __post_init__(self) -> None:
        self.admissions = MemoryGatewayAdmissions(self._running)
        self.counted: list[tuple[str, str]] = []

    def _running(self, session_id: UUID) -> Session | None:
        session = self.guest.session
        return session if session is not None and session.id == session_id else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run a portal; nothing but the database outlasts it."""
        points = BridgedAccessPoints([self.sender], KEYS, gateways=AskingGateways(self.admissions))
        points.observer = lambda *outcome: self.counted.append(outcome)
        async with running_portal(self.guest, now=self.now, access_points=points) as portal:
            self.portal: Portal = portal
            yield

    async def get(self, path: str, host: str = "localhost", *more: str) -> Answer:
        port = self.portal.plain_port
        return await exchange(port, get(path, f"{host}:{port}", *more))

    async def post(self, path: str, host: str = "localhost", **fields: str) -> Answer:
        port = self.portal.plain_port
        return await exchange(port, post(path, fields, f"{host}:{port}"))

    async def ask(self, verb: str, payload: str = "none", **more: str) -> Answer:
        encoded = base64.b64encode(payload.encode()).decode()
        fields = {"auth_get": verb, "gatewayhash": HASH, "payload": encoded, **more}
        return await self.post("/at/annex", **fields)

    async def sign_in(self) -> str:
        """Come from the gateway and log in; return the address of the page that waits."""
        arrived = await self.get(redirect())
        assert arrived.status == 302, arrived.body
        prefix = arrived.headers["Location"].removesuffix("/")
        token = (await self.get(f"{prefix}/")).token("card")
        answer = await self.post(f"{prefix}/card", card=CARD, pin=PIN, token=token)
        assert answer.status == 303, answer.body
        return answer.headers["Location"]


async def test_a_login_is_listed_and_the_page_waits_until_the_gateway_says_yes() -> None:
    library = Library()
    async with library.open():
        assert (await library.ask("clear")).body == "ack"
        assert (await library.ask("view")).body == "*"
        waiting = await library.sign_in()

        page = await library.get(waiting)
        assert (page.status, page.headers["Refresh"]) == (200, f"3; url={waiting}")
        assert "Vi kopplar upp din enhet" in page.body
        listed = await library.ask("view")
        assert (listed.status, listed.body) == (200, ASKED)
        assert listed.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "Refresh" in (await library.get(waiting)).headers

        assert (await library.ask("view", f"* {RHID}")).body == "ack"
        assert (await library.ask("view")).body == "*"
        led = await library.get(waiting)
        assert led.status == 303
        assert "Du är uppkopplad" in (await library.get(led.headers["Location"])).body
    assert library.counted == [("annex", "believed")]


async def test_what_is_to_be_told_outlasts_a_restart() -> None:
    library = Library()
    async with library.open():
        waiting = await library.sign_in()
    async with library.open():
        assert (await library.ask("view")).body == ASKED
    async with library.open():
        await library.ask("view", f"* {RHID}")
    async with library.open():
        assert (await library.get(waiting)).status == 303


async def test_whose_session_is_over_when_the_gateway_asks_stays_outside() -> None:
    library = Library()
    async with library.open():
        await library.sign_in()
        library.guest.session = None
        assert (await library.ask("view")).body == "*"


async def test_the_end_is_the_sessions_end_when_the_gateway_asks() -> None:
    library = Library()
    async with library.open():
        await library.sign_in()
    library.guest.session = make_session(protected_until=NOW + timedelta(hours=6))
    library.now = NOW + timedelta(seconds=61)
    async with library.open():
        assert (await library.ask("view")).body.split("%20")[1] == "360"


async def test_a_gateway_without_php_asks_by_a_query() -> None:
    library = Library()
    async with library.open():
        await library.sign_in()
        asking = f"/at/annex?auth_get=view&gatewayhash={HASH}&payload="
        assert (await library.get(f"{asking}bm9uZQ==")).body == ASKED
        yes = base64.b64encode(f"* {RHID} ~~~>>>".encode()).decode()
        assert "+" in yes
        assert (await library.get(asking + yes)).body == "ack"
        assert (await library.get(f"{asking}bm9uZQ==")).body == "*"


async def test_an_old_gateway_takes_the_list_and_says_no_more() -> None:
    library = Library()
    async with library.open():
        waiting = await library.sign_in()
        assert (await library.ask("list")).body == ASKED
        assert (await library.ask("list")).body == "*"
        assert (await library.get(waiting)).status == 303


async def test_a_gateway_that_does_not_ask_is_told_to_the_visitor_with_a_way_on() -> None:
    library = Library()
    async with library.open():
        waiting = await library.sign_in()
    library.now = NOW + LISTED_FOR + timedelta(seconds=1)
    async with library.open():
        with capture_logs() as logs:
            page = await library.get(waiting)
        assert (page.status, "Refresh" in page.headers) == (503, False)
        assert "Enheten kom inte ut på nätet" in page.body
        assert (await library.get(waiting)).headers["Refresh"]
        assert (await library.ask("view")).body != "*"
    assert [(one["event"], one["client"]) for one in logs] == [("gateway_did_not_confirm", "annex")]
    assert HID not in str(logs)


async def test_who_comes_again_by_the_gateways_redirect_is_asked_for_again() -> None:
    """A yes that the gateway never said keeps nobody outside."""
    library = Library()
    async with library.open():
        await library.sign_in()
        await library.ask("view")
        await library.ask("view", f"* {RHID}")
    library.now = NOW + timedelta(minutes=1)
    async with library.open():
        waiting = await library.sign_in()
        assert "Refresh" in (await library.get(waiting)).headers
        assert (await library.ask("view")).body.startswith(f"* {RHID}")


@pytest.mark.parametrize(
    ("change", "host", "counted"),
    [
        ({"gatewayhash": gateway_hash("another")}, "localhost", "unknown_gateway"),
        ({"gatewayhash": ""}, "localhost", "malformed"),
        ({"auth_get": "deauth"}, "localhost", "malformed"),
        ({"payload": "x"}, "localhost", "malformed"),
        ({}, HOST, None),
    ],
)
async def test_who_is_no_gateway_of_ours_is_told_nothing(
    change: dict[str, str], host: str, counted: str | None
) -> None:
    library = Library()
    async with library.open():
        await library.sign_in()
        fields = {"auth_get": "view", "gatewayhash": HASH, "payload": "bm9uZQ==", **change}
        with capture_logs() as logs:
            posted = await library.post("/at/annex", host, **fields)
            asked = await library.get(f"/at/annex?{urlencode(fields)}", host)
        stranger = await library.post("/at/nobody", **fields)
        assert (await library.ask("view")).body == ASKED
    assert {(one.status, one.body) for one in (posted, asked, stranger)} == {(403, "Refused.\n")}
    assert [one for one in library.counted[1:] if one[0]] == [("annex", counted)] * (
        0 if counted is None else 2
    )
    assert [one["event"] for one in logs] == ["gateway_not_believed"] * 2
    assert RHID not in str(logs)


async def test_a_gateway_elsewhere_is_not_believed() -> None:
    library = Library(sender=replace(SENDER, visitor_networks=(ip_network("192.0.2.0/24"),)))
    async with library.open():
        assert (await library.ask("view")).status == 403
    assert library.counted == [("annex", "elsewhere")]


@pytest.mark.parametrize("name", ["Another%20Node%3a0a1b2c3d4e5f%20", ""])
async def test_a_redirect_of_another_gateway_is_not_believed(name: str) -> None:
    library = Library()
    async with library.open():
        assert (await library.get(redirect(name=name))).status == 403
    assert library.counted == [("annex", "strange_host")]


async def test_nothing_is_said_or_taken_while_the_database_is_away() -> None:
    library = Library()
    async with library.open():
        waiting = await library.sign_in()
        library.admissions.is_away = True
        asked, page = await library.ask("view"), await library.get(waiting)
        said = await library.ask("view", f"* {RHID}")
        library.admissions.is_away = False
        assert (await library.ask("view")).body == ASKED
    assert {asked.status, page.status, said.status} == {503}
    assert asked.body == "Not now.\n"


async def test_a_script_of_ours_asks_whom_to_put_out() -> None:
    library = Library()
    async with library.open():
        await library.sign_in()
        await library.ask("view")
        await library.ask("view", f"* {RHID}")
        assert (await library.ask("custom", "kvar-out")).body == "*"
        library.guest.session = None
        assert (await library.ask("custom", "kvar-out")).body == f"* {RHID}"
        assert (await library.ask("custom", f"kvar-out * {RHID}")).body == "ack"
        assert (await library.ask("custom", "kvar-out")).body == "*"


async def test_what_a_gateway_says_of_who_left_ends_no_session() -> None:
    """Whoever knows its name could otherwise stay online and be written down as gone."""
    library = Library()
    async with library.open():
        await library.sign_in()
        said = f"method=client_deauth, clientmac={DEVICE.mac}, token=9b96c711, custom=bmE="
        assert (await library.ask("deauthed", said)).body == "ack"
        assert (await library.ask("custom", "anything")).body == "ack"
        assert (await library.ask("view", "*")).body == "ack"
        assert (await library.ask("custom", "kvar-out *")).body == "ack"
        assert (await library.ask("view")).body == ASKED
    assert library.guest.session is not None


async def test_a_form_that_no_gateway_sends_is_not_read() -> None:
    library = Library()
    async with library.open():
        port = library.portal.plain_port
        body = b"x" * 9000
        head = (
            f"POST /at/annex HTTP/1.1\r\nHost: localhost:{port}\r\n{AGENT}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        assert (await exchange(port, head.encode() + body)).status == 400


async def test_a_flood_of_questions_leaves_visitors_alone() -> None:
    library = Library()
    async with library.open():
        for _ in range(QUESTIONS.burst):
            assert (await library.ask("view")).status == 200
        assert (await library.ask("view")).status == 429
        assert (await library.get(redirect())).status == 302
