"""A session's end ends its flows within a second: at log-out, and at expiry with Kvar dead."""

import json
import os
import signal
from collections.abc import Callable
from time import monotonic

import pytest

from portal.demo.world import World
from tests.faults.gateway import Gateway, pause
from tests.lab.guest import Guest, until

pytestmark = pytest.mark.root

ECHO_HOST = "www.example.com"
KERNEL_GRACE_S = 2.0
"""The kernel's own end comes so long after the session's, when nothing of Kvar lives to do it."""
DEAD_WITHIN_S = 1.0


class Flows:
    """A download and a stream of one phone, and when each last brought anything."""

    def __init__(self, guest: Guest) -> None:
        self.download = guest.phone.download(ECHO_HOST)
        self.stream = guest.phone.stream(ECHO_HOST)
        self._counts: tuple[Callable[[], int], ...] = (
            lambda: self.download.report().received_bytes,
            lambda: self.stream.report().received,
        )
        until(lambda: all(count() > 20 for count in self._counts), "both flow")

    def ends(self, silent_s: float = 1.5, within_s: float = 20.0) -> list[float]:
        """Watch until both have been silent so long; return the moment of each one's last."""
        seen, last = [count() for count in self._counts], [monotonic()] * 2
        stop = monotonic() + within_s
        while monotonic() < max(last) + silent_s and monotonic() < stop:
            for place, count in enumerate(self._counts):
                if (now := count()) != seen[place]:
                    seen[place], last[place] = now, monotonic()
            pause(0.02)
        return last

    def stop(self) -> None:
        self.download.stop()
        self.stream.stop()


def test_logging_out_ends_running_flows(newcomer: Guest) -> None:
    assert newcomer.sign_in().status == 303
    flows = Flows(newcomer)
    token = newcomer.token("/status", action="/logout")
    pressed = monotonic()
    assert newcomer.post("/logout", {"token": token}).status == 303
    ends = [end - pressed for end in flows.ends()]
    flows.stop()
    print(f"after log-out: download and stream end after {ends} s")  # noqa: T201
    assert max(ends) <= DEAD_WITHIN_S


def test_the_kernel_ends_a_session_alone(world: World, gateway: Gateway, newcomer: Guest) -> None:
    """Every process of Kvar is dead when the time runs out."""
    for_s = 6.0
    gateway.kill("keeper")  # it would put out at once who has no session
    gateway.admit(newcomer.phone.mac, for_s)
    due = monotonic() + for_s
    flows = Flows(newcomer)
    with world.killed():
        assert monotonic() < due, "too slow to have seen it alive"
        ends = [end - due for end in flows.ends()]
    flows.stop()
    print(f"after the session's end: download and stream end after {ends} s")  # noqa: T201
    assert min(ends) >= 0
    assert max(ends) <= KERNEL_GRACE_S + DEAD_WITHIN_S


def test_the_agent_ends_a_session_alone(gateway: Gateway, newcomer: Guest) -> None:
    """No keeper and no session in the database: the agent's own clock."""
    for_s = 3.0
    keeper = gateway.pid("keeper")
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)  # it would put out at once who has no session
    try:
        gateway.admit(newcomer.phone.mac, for_s)
        due = monotonic() + for_s
        flows = Flows(newcomer)
        ends = [end - due for end in flows.ends()]
    finally:
        os.kill(keeper, signal.SIGCONT)
    flows.stop()
    assert min(ends) >= 0
    assert max(ends) <= KERNEL_GRACE_S + DEAD_WITHIN_S


def test_the_kernels_time_is_the_sessions(online: Guest) -> None:
    """Two seconds after it, no more: so that a living keeper reads the final counters first."""
    left = online.api()["seconds-remaining"]
    assert isinstance(left, int)
    assert 0 < kernel_time_left_s(online) - left <= KERNEL_GRACE_S + 1


def kernel_time_left_s(guest: Guest) -> float:
    """Read how long the kernel lets the device through, in whole seconds."""
    command = ["nft", "-j", "list", "map", "inet", "kvar", "admitted"]
    listed = json.loads(guest.world.lab.gateway.run(command).stdout)["nftables"][-1]["map"]
    elements = [key["elem"] for key, _ in listed["elem"]]
    return float(next(e["expires"] for e in elements if e["val"] == guest.phone.mac))
