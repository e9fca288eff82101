"""What the access point lets through: one small nftables table in its own namespace.

Not the gate's rules, and none of them: a library without a gateway of ours has none. Whoever is
not admitted reaches DHCP and DNS at the access point, the portal, and nothing else; port 80 leads
to the access point itself, which answers with a redirect.
The rule to keep: everybody is held until the answer says otherwise.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

TABLE = "access_point"
REDIRECT_PORT = 8880


@dataclass(frozen=True, slots=True)
class Wires:
    """The interface of the air, the one to the internet, and the portal's address."""

    air: str
    uplink: str
    portal: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Packets and octets that passed, from a device and to it."""

    sent_packets: int = 0
    sent_octets: int = 0
    received_packets: int = 0
    received_octets: int = 0


class AirError(Exception):
    """nft refused; the text says why."""


def render(wires: Wires) -> str:
    """PURE: the whole table. `admitted` counts what devices send, `heard` what they receive."""
    air, portal = f'iifname "{wires.air}"', f"ip daddr {wires.portal}"
    return f"""
table inet {TABLE} {{
  set admitted {{ type ether_addr; counter; }}
  chain capture {{
    type nat hook prerouting priority dstnat; policy accept;
    {air} {portal} accept
    {air} ether saddr != @admitted tcp dport 80 redirect to :{REDIRECT_PORT}
  }}
  chain pass {{
    type filter hook forward priority filter; policy drop;
    {air} ether saddr @admitted accept
    {air} {portal} tcp dport {{ 80, 443 }} accept
    {air} meta l4proto tcp reject with tcp reset
    {air} reject
    oifname "{wires.air}" ct state established,related accept
  }}
  chain near {{
    type filter hook input priority filter; policy accept;
    {air} udp dport {{ 53, 67 }} accept
    {air} tcp dport {{ 53, {REDIRECT_PORT} }} accept
    {air} ip protocol icmp accept
    {air} drop
  }}
  chain translate {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{wires.uplink}" masquerade
  }}
}}
table netdev {TABLE} {{
  set admitted {{ type ether_addr; counter; }}
  chain count {{
    type filter hook egress device "{wires.air}" priority 0; policy accept;
    ether daddr @admitted accept
  }}
}}
"""


async def put_up(wires: Wires) -> None:
    """Put the table in place. Raises AirError."""
    await _nft("-f", "-", text=render(wires))


async def admit(mac: str) -> None:
    """Let a device pass, its counters at nothing. Raises AirError."""
    lines = [f"add element {family} {TABLE} admitted {{ {mac} }}" for family in _FAMILIES]
    await _nft("-f", "-", text="\n".join(lines) + "\n")


async def expel(mac: str) -> None:
    """Hold an admitted device again, and end what it has open. Raises AirError.

    An open connection ends by itself: each of its packets is looked up.
    """
    lines = [f"delete element {family} {TABLE} admitted {{ {mac} }}" for family in _FAMILIES]
    await _nft("-f", "-", text="\n".join(lines) + "\n")


async def counted(mac: str) -> Counted:
    """Return what an admitted device has used. Raises AirError."""
    sent, received = [await _counter(family, mac) for family in _FAMILIES]
    return Counted(sent["packets"], sent["bytes"], received["packets"], received["bytes"])


_FAMILIES = ("inet", "netdev")
_NOTHING = {"packets": 0, "bytes": 0}


async def _counter(family: str, mac: str) -> dict[str, int]:
    listing = json.loads(await _nft("-j", "list", "set", family, TABLE, "admitted"))
    elements: list[dict[str, Any]] = listing["nftables"][1]["set"].get("elem", [])
    found = [one["elem"]["counter"] for one in elements if one["elem"]["val"] == mac]
    return found[0] if found else _NOTHING


async def _nft(*words: str, text: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        "nft",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(text.encode())
    if process.returncode:
        raise AirError(errors.decode(errors="replace").strip())
    return output.decode()
