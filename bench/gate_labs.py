"""Three labs side by side: a gate with few devices, a gate with many, and plain NAT.

Not the measuring. The rule to keep: the same lab thrice, so that a gate and its peer differ in
their rules alone; each benchmark takes them in turns.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench.floor import preloaded_mac
from firewall.client import GateClient, GateError
from firewall.lab import processes
from firewall.lab.network import Lab, LabSettings
from firewall.marks import MAY_LEAVE

EIGHT_HOURS_S = 8 * 3600.0
_START_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class GateLab:
    """A lab with one phone; ``devices`` are admitted beside it, None: plain NAT, no gate."""

    lab: Lab
    devices: int | None

    @property
    def name(self) -> str:
        """What stands between phone and internet."""
        return "plain NAT" if self.devices is None else f"gate, {self.devices:,} devices"

    @property
    def socket(self) -> Path:
        """The agent's socket."""
        return self.lab.run_directory / "gate.sock"

    def wishes(self, ends_at: float) -> list[tuple[str, float, str]]:
        """Return what the gate is filled with: the lab's phone and other devices.

        ``ends_at`` is on the monotonic clock; a wish says how much is left until then.
        """
        others = [preloaded_mac(number) for number in range((self.devices or 1) - 1)]
        left_s = ends_at - monotonic()
        return [(mac, left_s, "default") for mac in (self.lab.phones[0].mac, *others)]


@contextmanager
def labs(devices: Sequence[int | None]) -> Iterator[list[GateLab]]:
    """Build them, the gates filled and the phones online."""
    with ExitStack() as stack:
        built = [GateLab(stack.enter_context(Lab(_settings())), count) for count in devices]
        for gate_lab in built:
            gate_lab.lab.phones[0].join()
            if gate_lab.devices is None:
                gate_lab.lab.open_plain_nat()
            else:
                stack.callback(processes.stop, start_agent(gate_lab))
                asyncio.run(_fill(gate_lab))
        yield built


def _settings() -> LabSettings:
    return LabSettings(phones=1, management=False, fail_closed_bit=MAY_LEAVE)


def start_agent(gate_lab: GateLab) -> subprocess.Popen[bytes]:
    """Start the agent in the lab's gateway."""
    return gate_lab.lab.gateway.spawn([sys.executable, "-m", "bench.agent", str(gate_lab.socket)])


async def _fill(gate_lab: GateLab) -> None:
    deadline = monotonic() + _START_TIMEOUT_S
    async with GateClient(gate_lab.socket) as client:
        while True:
            try:
                await client.reconcile(gate_lab.wishes(monotonic() + EIGHT_HOURS_S))
            except GateError:
                if monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return
