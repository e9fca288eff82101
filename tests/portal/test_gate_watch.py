"""Hearing the gate: a real server and its events, gone and back again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firewall.client import GateClient
from firewall.server import Events, GateServer
from firewall.settings import GateSettings, GuestNetwork
from firewall.simulated import SimulatedGate
from portal import gate_watch
from portal.domain.identity import Device, MacAddress, SiteId
from portal.gate_watch import Impostor, Notice, Seen, Watching, watch_gate

SEEN = {"mac": "02:00:00:00:00:01", "ip": "10.44.0.20", "interface": "guest0", "site": "main"}
DEVICE = Device(MacAddress(SEEN["mac"]), SiteId("main"))


@pytest.fixture
def settings(tmp_path: Path) -> GateSettings:
    return GateSettings(
        guest_networks=(GuestNetwork("guest0", "main"),), socket_path=tmp_path / "gate.sock"
    )


@pytest.fixture
async def heard(settings: GateSettings) -> AsyncIterator[AsyncIterator[Notice]]:
    async with GateClient(settings.socket_path) as client, asyncio.timeout(60):
        yield watch_gate(client)


async def test_devices_are_heard_and_a_gate_that_comes_back_too(
    settings: GateSettings, heard: AsyncIterator[Notice]
) -> None:
    for _ in range(2):
        events = Events()
        server = GateServer(settings, SimulatedGate(settings, lambda: 0.0), events)
        async with server.listening():
            assert await anext(heard) == Watching()
            events.publish({"event": "healed", "repaired": []})
            events.publish({"event": "device_seen", **SEEN})
            assert await anext(heard) == Seen(DEVICE)
            events.publish({"event": "device_elsewhere", **SEEN, "before": "guest1"})
            assert await anext(heard) == Seen(DEVICE, moved=True)
            events.publish({"event": "impostor", "kind": "router", **SEEN})
            assert await anext(heard) == Impostor(DEVICE, "router")


async def test_a_gate_that_falls_silent_is_asked_again(
    settings: GateSettings,
    heard: AsyncIterator[Notice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate_watch, "SILENCE_S", 0.05)
    server = GateServer(settings, SimulatedGate(settings, lambda: 0.0), Events())
    async with server.listening():
        assert await anext(heard) == Watching()
        assert await anext(heard) == Watching()
