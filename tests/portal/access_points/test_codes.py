"""Voucher codes in an access point's own form, by every way of logging in."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.clock import utc_now
from portal.domain.session import Ground
from portal.domain.voucher_code import with_check_digit, written_code
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.services.vouchers import Vouchers
from portal.storage.sessions import PostgresSessions
from radius_bridge.mschap import MsChapLogin, answer, challenge_hash, challenge_response
from radius_bridge.old_ciphers import md4
from radius_bridge.secret import Secret
from radius_bridge.wire import Attribute, Code, vendor_attribute
from tests.portal.access_points.running import SITE, Running, dashed, mac, running, session_of

ACCEPT, REJECT = Code.ACCESS_ACCEPT, Code.ACCESS_REJECT
UNKNOWN = with_check_digit("123456780")


@pytest.fixture
async def bridge(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(postgres_dsn, tmp_path) as started:
        yield started


async def code_of(bridge: Running) -> str:
    made = await Vouchers(bridge.memory.doors).make(VoucherOrder(SITE), "ada", utc_now())
    assert isinstance(made, MadeVouchers)
    return made.issued[0].slip.code.reveal()


@pytest.mark.parametrize("password", ["", "same", "written"])
async def test_a_code_lets_a_device_in(bridge: Running, password: str) -> None:
    code = await code_of(bridge)
    shown = written_code(code)
    name = shown if password == "written" else code
    typed = {"": "", "same": code, "written": shown}[password]
    reply = await bridge.ask_by_password(1, name, typed)
    assert reply.code == ACCEPT
    found = await PostgresSessions(bridge.database).find(mac(1))
    assert found is not None
    assert (found.ground, found.id) == (Ground.VOUCHER, session_of(reply))


async def test_chap_proves_the_code(bridge: Running) -> None:
    code, challenge = await code_of(bridge), os.urandom(16)

    async def ask(password: str) -> int:
        digest = hashlib.md5(b"\x01" + password.encode() + challenge, usedforsecurity=False)
        return (
            await bridge.ask(
                Attribute(3, b"\x01" + digest.digest()),
                Attribute(60, challenge),
                User_Name=code,
                Calling_Station_Id=dashed(mac(1)),
            )
        ).code

    assert await ask("wrong") == REJECT
    assert await ask(code) == ACCEPT


async def test_ms_chap_proves_it_and_we_prove_that_we_know_it(bridge: Running) -> None:
    code = await code_of(bridge)
    login = MsChapLogin(7, code.encode(), os.urandom(16), os.urandom(16), b"")
    hashed = md4(code.encode("utf-16-le"))
    nt_response = challenge_response(challenge_hash(login), hashed)
    response = bytes((7, 0)) + login.peer_challenge + bytes(8) + nt_response
    reply = await bridge.ask(
        vendor_attribute(311, 11, login.authenticator_challenge),
        vendor_attribute(311, 25, response),
        User_Name=code,
        Calling_Station_Id=dashed(mac(1)),
    )
    assert reply.code == ACCEPT
    proved = MsChapLogin(
        7, code.encode(), login.authenticator_challenge, login.peer_challenge, nt_response
    )
    assert reply.vendor(311, 26) == (answer(proved, Secret(code.encode())),)


async def test_unknown_codes_are_counted_with_all_others(bridge: Running) -> None:
    texts = set()
    for _ in range(12):
        reply = await bridge.ask_by_password(1, UNKNOWN, UNKNOWN)
        assert reply.code == REJECT
        texts.add((reply.first(18) or b"").decode())
    assert texts == {
        "Koden gäller inte. Fråga personalen.",
        "För många försök. Vänta en stund.",
    }
    code = await code_of(bridge)
    assert (await bridge.ask_by_password(1, code, code)).code == REJECT
    assert (await bridge.ask_by_password(2, code, code)).code == ACCEPT


async def test_a_code_that_is_used_up_lets_no_other_device_in(bridge: Running) -> None:
    code = await code_of(bridge)
    assert (await bridge.ask_by_password(1, code, "")).code == ACCEPT
    assert (await bridge.ask_by_password(1, code, "")).code == ACCEPT
    assert (await bridge.ask_by_password(2, code, "")).code == REJECT


async def test_what_is_neither_code_nor_token_nor_card_is_refused(bridge: Running) -> None:
    for name in ("alice", "1234567890", "", "\u00e5" * 40, "x" * 200):
        assert (await bridge.ask_by_password(1, name or " ", "secret")).code == REJECT
