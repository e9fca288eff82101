"""Looking at the uplink: the kernel's tables, a carrier, and hosts that take a connection.

Failure direction: what cannot be read is no outage.
"""

import asyncio

import pytest

from portal import uplink
from portal.uplink import Target, UplinkProbe, default_routes_v4, default_routes_v6, is_running
from tests.ports import free_port

V4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
wan1\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0
guest0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
"""
ZEROS = "0" * 32
V6 = f"""\
{ZEROS} 00 {ZEROS} 00 20010db8ffff00000000000000000001 00000400 00000001 00000000 00000003     wan0
{ZEROS} 00 {ZEROS} 00 {ZEROS} ffffffff 00000001 00000000 00200200       lo
20010db8004400000000000000000000 40 {ZEROS} 00 {ZEROS} 00000100 00000002 00000000 00000001   guest0
"""


def test_default_routes() -> None:
    assert default_routes_v4(V4) == {"wan0"}
    assert default_routes_v6(V6) == {"wan0"}
    assert default_routes_v4("") == set()


def test_a_carrier() -> None:
    assert is_running("lo")
    assert is_running("there-is-none")


async def test_one_host_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "_has_way_out", lambda wanted: wanted == {"wan0"})
    there = Target("127.0.0.1", free_port())
    async with await asyncio.start_server(lambda _, w: w.close(), there.host, there.port):
        assert await UplinkProbe(["wan0"], [Target("127.0.0.1", 1), there])()
        assert not await UplinkProbe([], [there])(), "without a way out nobody is asked"
    probe = UplinkProbe(["wan0"], [there])
    assert not await probe()
    monkeypatch.setattr(uplink, "ASK_EVERY_S", 0.0)
    async with await asyncio.start_server(lambda _, w: w.close(), there.host, there.port):
        assert await probe()
