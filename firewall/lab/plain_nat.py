"""A gateway that lets everybody out: masquerade without any gate.

Not a firewall. It is the peer that the gate's throughput is compared with, and what the lab's own
tests use. Its table is not the gate's (`inet kvar`), so both can be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firewall.lab.processes import Namespace

TABLE = "kvar_lab_plain_nat"


def render(interfaces: Sequence[str], mark_bit: int) -> str:
    """PURE: the nft text; `mark_bit` is set on guests' packets so that routing lets them pass."""
    names = ", ".join(f'"{name}"' for name in interfaces)
    return f"""\
table inet {TABLE} {{
  chain prerouting {{
    type filter hook prerouting priority mangle; policy accept;
    iifname {{ {names} }} meta mark set meta mark or {mark_bit:#x}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    meta nfproto ipv4 oifname "wan0" masquerade
  }}
}}
"""


def apply(gateway: Namespace, interfaces: Sequence[str], mark_bit: int) -> None:
    """Put the table in place, replacing an earlier one. Raises LabError."""
    text = f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n" + render(interfaces, mark_bit)
    gateway.run(["nft", "-f", "-"], text=text)


def remove(gateway: Namespace) -> None:
    """Take the table away again; nothing happens when there is none."""
    gateway.run(["nft", "delete", "table", "inet", TABLE], check=False)
