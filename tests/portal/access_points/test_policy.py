"""Who may come in, by the bridge as it runs: from memory, from the database, and by logins."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from portal.clock import utc_now
from portal.domain import login_token, visit_token
from portal.domain.identity import Device, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.services.outcomes import RefusalReason
from portal.services.remembered import Remembered
from portal.settings import PAGE_MARGIN_S
from portal.storage.sessions import PostgresSessions
from radius_bridge.pipeline import Discard, Service
from radius_bridge.wire import Attribute, Code, decode
from tests.portal.access_points.running import (
    SHARED,
    SITE,
    Running,
    mac,
    password_request,
    running,
    session_of,
)
from tests.portal.services.test_observed_guest import Noted
from tests.radius_bridge.bridge import Asker, signed

ACCEPT, REJECT = Code.ACCESS_ACCEPT, Code.ACCESS_REJECT


@pytest.fixture
async def bridge(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(postgres_dsn, tmp_path, "card_login = true") as started:
        yield started


@pytest.fixture
async def cisco(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    more = 'family = "cisco"\nrole = "GUEST_ACL"\nallowed_devices = ["02:00:00:00:00:63"]'
    async with running(postgres_dsn, tmp_path, more) as started:
        yield started


async def test_a_device_with_a_session_is_let_in_until_its_end(bridge: Running) -> None:
    session = await bridge.let_in(1, minutes=60)
    await bridge.known(1)
    reply = await bridge.ask_by_mac(1)
    assert reply.code == ACCEPT
    assert session_of(reply) == session.id
    seconds = int.from_bytes(reply.first(27) or b"", "big")
    assert 3595 <= seconds <= 3602
    assert reply.first(29) == b"\0\0\0\1", "the access point asks again, and drops nobody"
    assert int.from_bytes(reply.first(85) or b"", "big") == 300
    assert reply.first(89) is None


async def test_another_visit_until_the_same_end_is_written_as_let_in(bridge: Running) -> None:
    """A worker that had let the device in has not heard that another one put it out meanwhile."""
    at_close = utc_now() + timedelta(hours=1)
    same_end = "UPDATE live_session SET ends_at = $2 WHERE id = $1"
    where = "SELECT let_in FROM device_at_access_point WHERE mac = $1"
    assert bridge.bridge.desk is not None
    bridge.bridge.desk.families = {}  # another worker tells
    for _ in range(2):
        session = await bridge.let_in(1)
        await bridge.database.fetch(same_end, session.id, at_close)
        await bridge.memory.picture.compare()
        assert (await bridge.ask_by_mac(1)).code == ACCEPT
        await bridge.memory.places.write()
        assert (await bridge.rows(where, mac(1)))[0]["let_in"]
        await bridge.end(session)
        await bridge.known(1, online=False)
        put_out = "UPDATE device_at_access_point SET let_in = false, heard_at = $2 WHERE mac = $1"
        await bridge.rows(put_out, mac(1), utc_now())


async def test_a_tutored_device_is_let_in_as_long_as_the_tutoring(bridge: Running) -> None:
    session = await bridge.let_in(1, minutes=10)
    await bridge.database.fetch(
        "UPDATE live_session SET protected_until = ends_at + interval '1 hour' WHERE id = $1",
        session.id,
    )
    await bridge.memory.picture.compare()
    reply = await bridge.ask_by_mac(1)
    assert int.from_bytes(reply.first(27) or b"", "big") > 65 * 60


async def test_a_stranger_is_led_to_the_portal_by_a_token_of_the_visit(cisco: Running) -> None:
    reply = await cisco.ask_by_mac(
        2, Framed_IP_Address=IPv4Address("10.1.2.3"), Acct_Session_Id="5A1F"
    )
    assert reply.code == ACCEPT
    [url] = [pair for pair in reply.vendor(9, 1) if pair.startswith(b"url-redirect=")]
    prefix = b"url-redirect=https://wifi.example.se/via/"
    assert url.startswith(prefix)
    assert url.endswith(b"/?")  # links on the page are relative
    token = url[len(prefix) : -2].decode()
    visit = visit_token.read(cisco.keys.radius_key("visit"), token, utc_now())
    assert visit == visit_token.Visit(mac(2), SITE, "ap", "10.1.2.3", b"5A1F")
    assert reply.first(25) is None


async def test_where_a_reject_opens_the_portal_a_stranger_gets_one(bridge: Running) -> None:
    assert (await bridge.ask_by_mac(2)).code == REJECT


async def test_a_stranger_costs_one_question(bridge: Running) -> None:
    for _ in range(3):
        assert (await bridge.ask_by_mac(2)).code == REJECT
    assert bridge.memory.access.is_stranger(mac(2))
    await bridge.let_in(2)
    await bridge.known(2)
    assert (await bridge.ask_by_mac(2)).code == ACCEPT


async def test_a_device_that_is_always_let_in_needs_no_session(cisco: Running) -> None:
    reply = await cisco.ask_by_mac(0x63)
    assert reply.code == ACCEPT
    assert reply.first(25) == bytes(16)
    assert b"GUEST_ACL" in reply.vendor(14179, 6)
    assert await PostgresSessions(cisco.database).find(mac(0x63)) is None


async def test_a_remembered_device_takes_its_visit_up(bridge: Running) -> None:
    session = await bridge.let_in(1)
    device = Device(mac(1), SITE)
    await Remembered(bridge.memory.doors).remember(device, session, "iPhone", utc_now())
    await bridge.end(session, EndReason.REVOKED)
    await bridge.known(1, online=False)
    reply = await bridge.ask_by_mac(1)
    assert reply.code == ACCEPT
    found = await PostgresSessions(bridge.database).find(mac(1))
    assert found is not None
    assert (found.id, found.ground) == (session_of(reply), Ground.REMEMBERED)


async def test_an_open_library_lets_everybody_in(bridge: Running) -> None:
    reply = await bridge.ask_by_mac(1, source="127.0.0.2")
    assert reply.code == ACCEPT
    found = await PostgresSessions(bridge.database).find(mac(1))
    assert found is not None
    assert (found.ground, found.site_id) == (Ground.OPEN, SiteId("open"))


async def test_a_stranger_waits_for_nobody_who_is_let_in(bridge: Running) -> None:
    access, go_on = bridge.memory.access, asyncio.Event()
    let_in = access._let_in

    async def slow(device: Device, *rest: Any) -> Session | None:
        await go_on.wait()
        return await let_in(device, *rest)

    access._let_in = slow  # type: ignore[method-assign]
    asking = asyncio.create_task(bridge.ask_by_mac(1, source="127.0.0.2"))
    await bridge.until(lambda: access._waiting, bool)
    assert (await bridge.ask_by_mac(2)).code == REJECT
    go_on.set()
    await bridge.known(1)
    asking.cancel()


async def test_a_fault_over_one_device_costs_the_others_nothing(bridge: Running) -> None:
    access = bridge.memory.access

    async def fail(*_: object) -> Session | None:
        raise KeyError("a fault of ours")

    let_in, access._let_in = access._let_in, fail  # type: ignore[method-assign]
    assert (await bridge.ask_by_mac(1, source="127.0.0.2")).code == REJECT
    access._let_in = let_in  # type: ignore[method-assign]
    assert (await bridge.ask_by_mac(2, source="127.0.0.2")).code == ACCEPT


async def test_a_session_follows_its_device_to_another_site(bridge: Running) -> None:
    session = await bridge.let_in(1)
    await bridge.known(1)
    assert session_of(await bridge.ask_by_mac(1, source="127.0.0.2")) == session.id
    rows: list[str] = []
    while not rows:  # noted after the answer
        found = await bridge.database.fetch("SELECT site_id FROM session_elsewhere")
        rows = [row["site_id"] for row in found]
    assert rows == ["open"]


class TestLoginToken:
    """What the portal sends a browser back with."""

    def login(self, bridge: Running, number: int = 1, client: str = "ap") -> login_token.Login:
        key = bridge.keys.radius_key("login")
        return login_token.issue(key, mac(number), client, utc_now(), os.urandom(8))

    async def test_it_lets_the_device_in_and_repeats_itself(self, bridge: Running) -> None:
        session = await bridge.let_in(1)
        login = self.login(bridge)
        for _ in range(2):
            reply = await bridge.ask_by_password(1, login.user_name, login.password.reveal())
            assert reply.code == ACCEPT
            assert session_of(reply) == session.id

    async def test_it_is_worth_nothing_elsewhere(self, bridge: Running) -> None:
        for number in (1, 2):
            await bridge.let_in(number)
        login = self.login(bridge)
        password = login.password.reveal()
        other = self.login(bridge, client="other")
        assert (await bridge.ask_by_password(2, login.user_name, password)).code == REJECT
        assert (await bridge.ask_by_password(1, login.user_name, password + "x")).code == REJECT
        elsewhere = (other.user_name, other.password.reveal())
        assert (await bridge.ask_by_password(1, *elsewhere)).code == REJECT

    async def test_without_a_session_it_lets_nobody_in(self, bridge: Running) -> None:
        login = self.login(bridge)
        reply = await bridge.ask_by_password(1, login.user_name, login.password.reveal())
        assert reply.code == REJECT

    async def test_chap_does_too(self, bridge: Running) -> None:
        await bridge.let_in(1)
        login = self.login(bridge)
        challenge = os.urandom(16)
        response = hashlib.md5(
            b"\x07" + login.password.reveal().encode() + challenge, usedforsecurity=False
        ).digest()
        reply = await bridge.ask(
            Attribute(3, b"\x07" + response),
            Attribute(60, challenge),
            User_Name=login.user_name,
            Calling_Station_Id="02-00-00-00-00-01",
        )
        assert reply.code == ACCEPT


class TestCards:
    """Card and PIN from an access point's own form."""

    async def test_card_and_pin_let_a_device_in(self, bridge: Running) -> None:
        reply = await bridge.ask_by_password(1, "20000000000001", "1234")
        assert reply.code == ACCEPT
        found = await PostgresSessions(bridge.database).find(mac(1))
        assert found is not None
        assert (found.ground, found.id) == (Ground.CARD, session_of(reply))

    async def test_a_wrong_pin_counts_and_is_told_in_few_words(self, bridge: Running) -> None:
        reply = await bridge.ask_by_password(1, "20000000000001", "9999")
        assert reply.code == REJECT
        assert reply.first(18) == "Uppgifterna stämmer inte.".encode()
        assert bridge.library.wrong["20000000000001"] == 1
        for pin in range(9990, 9996):
            await bridge.ask_by_password(1, "20000000000001", str(pin))
        assert bridge.library.asked["20000000000001"] <= 5
        reply = await bridge.ask_by_password(1, "20000000000001", "1234")
        assert reply.code == REJECT

    async def test_a_wrong_pin_puts_nobody_out_who_is_in(self, bridge: Running) -> None:
        await bridge.let_in(1)
        await bridge.known(1)
        assert (await bridge.ask_by_mac(1)).code == ACCEPT
        reply = await bridge.ask_by_password(1, "20000000000001", "9999")
        assert reply.code == REJECT
        known = bridge.memory.places.get(mac(1))
        assert known is not None
        assert known.place.let_in

    async def test_a_fault_in_one_login_costs_that_login_alone(self, bridge: Running) -> None:
        async def fail() -> None:
            raise KeyError("a fault of ours")

        bridge.library.before_answering = fail
        counters = bridge.bridge.responder.pipeline.counters
        asking = asyncio.create_task(bridge.ask_by_password(1, "20000000000001", "1234"))
        await bridge.until(lambda: counters.of("ap").get("undecided", 0), lambda count: count == 1)
        asking.cancel()
        bridge.library.before_answering = None
        reply = await bridge.ask_by_password(2, "20000000000001", "1234")
        assert reply.code == ACCEPT

    async def test_what_becomes_of_a_login_is_counted_as_on_a_page(self, bridge: Running) -> None:
        noted = bridge.memory.access.observer = Noted()
        await bridge.ask_by_password(1, "20000000000001", "9999")
        await bridge.ask_by_password(1, "20000000000001", "1234")
        assert noted.told == {
            (SITE, Ground.CARD, RefusalReason.CREDENTIALS_WRONG): 1,
            (SITE, Ground.CARD, "admitted"): 1,
        }

    async def test_what_is_sent_again_is_no_second_wrong_pin(self, bridge: Running) -> None:
        for _ in range(4):
            reply = await bridge.ask_by_password(1, "20000000000001", "9999")
            assert reply.code == REJECT
        assert bridge.library.wrong["20000000000001"] == 1
        reply = await bridge.ask_by_password(1, "20000000000001", "1234")
        assert reply.code == ACCEPT

    async def test_a_slow_login_is_answered_when_it_comes_however_often_it_is_sent(
        self, bridge: Running
    ) -> None:
        """One budget holds for the login and for its answer; what comes meanwhile is dropped."""
        limits = bridge.bridge.responder._limits
        assert limits.ask_timeout_s == PAGE_MARGIN_S + 8.0, "as a page's"
        goes_on, counters = asyncio.Event(), bridge.bridge.responder.pipeline.counters

        async def wait() -> None:
            await goes_on.wait()

        bridge.library.before_answering = wait
        octets = signed(password_request(1, "20000000000001", "1234"), SHARED)
        with Asker() as asker:
            for _ in range(3):
                asker.tell(octets, bridge.port(Service.AUTHENTICATION))
            dropped = Discard.IN_WORK
            await bridge.until(lambda: counters.of("ap").get(dropped, 0), lambda count: count == 2)
            goes_on.set()
            first, _ = await asker.hear()
            assert decode(first).code == ACCEPT
            again = await asker.ask(octets, bridge.port(Service.AUTHENTICATION))
            assert again == first
        assert bridge.library.asked["20000000000001"] == 1

    async def test_a_device_that_is_named_by_its_address_never_reaches_them(
        self, bridge: Running
    ) -> None:
        name = mac(1).replace(":", "")
        reply = await bridge.ask_by_password(1, name, "1234")
        assert reply.code == REJECT
        assert not bridge.library.asked

    async def test_only_where_it_is_configured(self, postgres_dsn: str, tmp_path: Path) -> None:
        async with running(postgres_dsn, tmp_path) as bridge:
            reply = await bridge.ask_by_password(1, "20000000000001", "1234")
            assert reply.code == REJECT
            assert not bridge.library.asked


class TestChargeableUserIdentity:
    """RFC 4372."""

    async def test_who_asks_gets_a_name_that_stays(self, bridge: Running) -> None:
        await bridge.let_in(1)
        await bridge.known(1)
        first = (await bridge.ask_by_mac(1, Chargeable_User_Identity=b"\0")).first(89)
        assert first is not None
        assert len(first) == 22
        again = await bridge.ask_by_mac(1, Chargeable_User_Identity=first)
        assert again.first(89) == first
        other = await bridge.ask_by_mac(1, Chargeable_User_Identity=b"somebody else")
        assert (other.code, other.first(89)) == (ACCEPT, first)


async def test_what_is_no_device_is_refused(bridge: Running) -> None:
    reply = await bridge.ask(User_Name="alice", Calling_Station_Id="192.0.2.1")
    assert reply.code == REJECT


async def test_an_expired_session_lets_nobody_in(bridge: Running) -> None:
    session = await bridge.let_in(1, minutes=60)
    await bridge.known(1)
    await bridge.database.fetch(
        "UPDATE live_session SET started_at = $2, ends_at = $2 WHERE id = $1",
        session.id,
        utc_now() - timedelta(seconds=1),
    )
    await bridge.memory.picture.compare()
    assert (await bridge.ask_by_mac(1)).code == REJECT
