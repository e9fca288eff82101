import asyncio

from radius_bridge.authenticators import Verdict, judge_reply
from radius_bridge.pipeline import Service
from radius_bridge.wire import Code, decode
from tests.radius_bridge.bridge import (
    MAC,
    SECRET,
    STRANGE_MAC,
    Asker,
    accounting,
    bridge,
    by_mac,
    by_password,
    signed,
    status,
)


async def test_a_known_device_is_let_in_at_once() -> None:
    async with bridge() as running:
        with Asker() as asker:
            asked = by_mac(7)
            reply = await asker.ask_for(signed(asked), running.port())
            assert reply.code == Code.ACCESS_ACCEPT
            assert reply.attributes[0].kind == 80
            assert reply.first(25) == b"session-1"
            assert running.policy.asked[0].station.mac == MAC
            stranger = await asker.ask_for(signed(by_mac(8, STRANGE_MAC)), running.port())
            assert stranger.code == Code.ACCESS_REJECT
        assert running.counted("accepted") == 1


async def test_accounting_is_acknowledged_after_it_is_written() -> None:
    async with bridge() as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.may_write.clear()
        with Asker() as asker:
            for identifier in range(3):
                asker.tell(signed(accounting(identifier)), port)
            alive = await asker.hears_nothing_but(signed(status(200)), port)
            assert alive.code == Code.ACCOUNTING_RESPONSE
            assert running.ledger.records == []
            running.ledger.may_write.set()
            heard = {(await asker.hear())[0][1] for _ in range(3)}
            assert heard == {0, 1, 2}
        assert len(running.ledger.records) == 3


async def test_a_slow_policy_holds_nobody_else_up() -> None:
    async with bridge() as running:
        running.policy.slow.add(b"alice")
        with Asker() as asker:
            asker.tell(signed(by_password(1, "alice", b"wonder")), running.port())
            fast = await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            assert fast.code == Code.ACCESS_ACCEPT
            running.policy.may_answer.set()
            assert decode((await asker.hear())[0]).code == Code.ACCESS_ACCEPT


async def test_replies_are_signed_for_their_request() -> None:
    async with bridge() as running:
        with Asker() as asker:
            for asked in (by_mac(1), by_password(2, "alice", b"wrong"), status(3)):
                reply = await asker.ask_for(signed(asked), running.port())
                sent = decode(signed(asked))
                assert judge_reply(reply, sent, SECRET) is Verdict.GENUINE
                assert next(kind for kind, _ in reply.attributes) == 80


async def test_it_stops_and_frees_its_ports() -> None:
    async with bridge() as running:
        endpoints = list(running.server.endpoints)
    async with bridge(endpoints=endpoints) as again:
        assert list(again.server.endpoints) == endpoints
        await asyncio.sleep(0)
