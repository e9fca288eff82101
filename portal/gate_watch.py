"""Adapter: what the gate tells by itself, as the keeper hears it.

Not a queue: what happened while nobody listened is lost, and a comparison makes that harmless. The
rule to keep: a gate that is away, or silent for longer than it ever is, is asked again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from firewall.client import GateClient, GateError
from portal.domain.identity import Device, MacAddress, SiteId

SILENCE_S = 40.0
"""The gate says that it lives every 15 s."""

RETRY_PAUSE_S = 0.2
"""The agent restarts in well under a second, and devices come back at any moment."""


@dataclass(frozen=True, slots=True)
class Watching:
    """The watch begins, or begins anew: whatever came before was not heard."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A device that is not let through, or (``moved``) one that is and turns up at another site."""

    device: Device
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Impostor:
    """A device plays the router or DHCP server, or says that it has the gateway's address.

    ``kind``: ``router``, ``dhcp`` or ``gateway_address``.
    """

    device: Device
    kind: str


Notice = Watching | Seen | Impostor


async def watch_gate(client: GateClient) -> AsyncIterator[Notice]:
    """Yield for ever: that the watch begins, and the devices that were noticed."""
    while True:
        try:
            events = client.watch()
            while True:
                async with asyncio.timeout(SILENCE_S):
                    event = await anext(events)
                if (notice := _notice(event)) is not None:
                    yield notice
        except (GateError, TimeoutError, StopAsyncIteration):
            await asyncio.sleep(RETRY_PAUSE_S)


def _notice(event: dict[str, Any]) -> Notice | None:
    match event["event"]:
        case "watching":
            return Watching()
        case "device_seen" | "device_elsewhere":
            device = Device(MacAddress(event["mac"]), SiteId(event["site"]))
            return Seen(device, moved=event["event"] == "device_elsewhere")
        case "impostor":
            device = Device(MacAddress(event["mac"]), SiteId(event["site"]))
            return Impostor(device, event["kind"])
    return None
