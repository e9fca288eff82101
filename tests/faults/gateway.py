"""What goes wrong on the gateway, done to it by hand: kills, and other programs' rules.

Not a promise of Kvar: only the hammer. The rule to keep: a kill returns the old pid, and who waits
for the successor waits for its own readiness, never for a time.
"""

import asyncio
import json
import os
import signal
import socket
from contextlib import suppress
from functools import partial
from time import sleep

from firewall.client import GateClient, GateError
from portal.demo.world import World
from tests.firewall.network import inside
from tests.lab.guest import until

PARTS = ("gate", "keeper", "portal")
POSTGRES = "postgres"
BACK_WITHIN_S = 120.0


class Gateway:
    """The lab's gateway and the processes of Kvar on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.namespace = world.lab.gateway

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command on the gateway."""
        return self.namespace.run(command, check=check).stdout

    # --- processes ------------------------------------------------------------------------------

    def pid(self, part: str) -> int | None:
        """Return the pid of a part of Kvar, or of PostgreSQL's postmaster; None when it is dead."""
        for pid, line in self.world.pids().items():
            words = line.split()
            mine = "-D" in words if part == POSTGRES else words[-1] == part
            if mine and not _is_zombie(pid):
                return pid
        return None

    def kill(self, part: str) -> int:
        """Kill -9 one part, as soon as it runs; return the pid it had."""
        until(lambda: self.pid(part), f"{part} runs", BACK_WITHIN_S)
        pid = self.pid(part)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_and_wait(self, *parts: str) -> None:
        """Kill -9 some parts and wait until their successors are ready."""
        old = {part: self.kill(part) for part in parts}
        for part, pid in old.items():
            until(partial(self.is_anew, part, pid), f"{part} again", BACK_WITHIN_S)
        self.wait_until_ready()

    def is_anew(self, part: str, old: int) -> bool:
        """Say whether a part runs under another pid than its old one."""
        return self.pid(part) not in {None, old}

    def wait_until_ready(self) -> None:
        """Wait until the portal says that it, the gate and the database answer."""
        until(self.is_ready, "readiness", BACK_WITHIN_S)

    def is_ready(self) -> bool:
        """Ask the portal's /readyz."""
        port = self.world.config.portal.health_port
        with inside(self.namespace.name, socket.socket) as asker, suppress(OSError):
            asker.settimeout(5)
            asker.connect(("127.0.0.1", port))
            asker.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return b" 200 " in asker.recv(100)
        return False

    # --- the gate -------------------------------------------------------------------------------

    def ask_gate(self) -> dict[str, object]:
        """Return what the gate says of its health; {} when it does not answer."""
        return asyncio.run(self._ask_gate())

    async def _ask_gate(self) -> dict[str, object]:
        try:
            async with GateClient(self.world.config.gate.socket) as gate:
                return dict(await gate.ping())
        except GateError:
            return {}

    def admit(self, mac: str, seconds: float) -> None:
        """Let a device in as services do, without a session behind it."""

        async def ask() -> None:
            async with GateClient(self.world.config.gate.socket) as gate:
                await gate.admit(mac, seconds)

        asyncio.run(ask())

    @property
    def healed(self) -> int:
        """How often the gate has mended a foreign change since it started."""
        return int(str(self.ask_gate().get("healed", -1)))

    def wait_until_healed(self, before: int) -> None:
        """Wait until the gate says that it has mended something since `before`."""
        until(lambda: self.healed > before, "the gate mends a foreign change")

    def log_lines(self, *words: str) -> list[str]:
        """Return the lines of Kvar's log that hold all the words."""
        lines = self.world.log_file.read_text(errors="replace").splitlines()
        return [line for line in lines if all(word in line for word in words)]

    def fail_closed_rules(self) -> list[str]:
        """Return the fail-closed routing rules that stand, both families, gate's own mask only."""
        rules: list[str] = []
        for flags in ("-4", "-6"):
            listed = json.loads(self.run("ip", "-j", flags, "rule", "show") or "[]")
            rules += [
                f"{flags} {rule['iif']}"
                for rule in listed
                if rule.get("action") == "blackhole" and rule.get("fwmask") == "0x3"
            ]
        return rules


def _is_zombie(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat") as status:  # noqa: PTH123 - procfs
        return status.read().rpartition(")")[2].split()[0] == "Z"
    return True


def pause(seconds: float) -> None:
    """Let time pass that the fault itself takes (an outage's length, a window of observation)."""
    sleep(seconds)
