"""The wall clock jumps by an hour or a year, both ways: no session ends, and none gets longer.

All of Kvar runs under libfaketime, its PostgreSQL included, and reads the offset anew each time;
the monotonic clock is the real one, as when a real clock is set. The kernel's own time-outs count
monotonic time: what they say is the measure.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from portal.demo.world import World, WorldSettings
from tests.faults.gateway import Gateway, pause
from tests.lab.guest import Guest, kernel_time_left_s, run_sql, until

pytestmark = pytest.mark.root

ECHO_HOST = "www.example.com"
HOUR, YEAR = 3600, 365 * 86_400
API_S, KERNEL_S = 2.0, 15.0


class SkewedWorld(World):
    """A world whose Kvar reads a wall clock that can be set."""

    def __init__(self, world_settings: WorldSettings) -> None:
        super().__init__(world_settings)
        self._clock_directory = Path(tempfile.mkdtemp(prefix="kvar-clock-"))
        self._clock_directory.chmod(0o755)
        self._clock_file = self._clock_directory / "offset"
        self.set_clock(0)

    def set_clock(self, offset_s: int) -> None:
        """Set the clock so far beside the right time, at one moment for all."""
        new = self._clock_directory / "new"
        new.write_text(f"{offset_s:+d}\n")
        new.chmod(0o644)
        new.replace(self._clock_file)

    def kvar_command(self, *arguments: str) -> list[str]:
        skewed = {
            "LD_PRELOAD": next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")),
            "FAKETIME_TIMESTAMP_FILE": self._clock_file,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
            "NO_FAKE_STAT": 1,
        }
        settings = [f"{name}={value}" for name, value in skewed.items()]
        return ["env", *settings, *super().kvar_command(*arguments)]

    def remove_clock(self) -> None:
        shutil.rmtree(self._clock_directory)


@pytest.fixture(scope="module")
def world() -> Iterator[SkewedWorld]:
    with SkewedWorld(WorldSettings(phones=3)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        yield built
    built.remove_clock()


@pytest.fixture(autouse=True)
def _right_again(world: SkewedWorld, gateway: Gateway) -> Iterator[None]:
    yield
    jumps = len(gateway.log_lines('"clock_jumped"'))
    world.set_clock(0)
    noticed(gateway, jumps)


def noticed(gateway: Gateway, before: int) -> None:
    """Wait until the keeper has told of one more jump than before."""
    until(lambda: len(gateway.log_lines('"clock_jumped"')) > before, "a jump is noticed", 60)


class Limit:
    """How long the guest may stay, by the kernel's account and by the API's, on the real clock."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._began = monotonic()
        self.kernel_s, self.api_s = self._read()

    def _read(self) -> tuple[float, float]:
        left = self._guest.api()["seconds-remaining"]
        assert isinstance(left, int)
        return kernel_time_left_s(self._guest), left

    def moved_s(self) -> tuple[float, float]:
        """How much later each would put the guest out than it was to."""
        kernel_s, api_s = self._read()
        passed_s = monotonic() - self._began
        return kernel_s + passed_s - self.kernel_s, api_s + passed_s - self.api_s

    def stands(self) -> bool:
        """The API counts whole seconds: one more than the second that a jump may cost.

        The kernel's end, for when nobody else is left, comes later by what a comparison takes on a
        busy machine.
        """
        kernel_s, api_s = self.moved_s()
        return abs(api_s) <= API_S and abs(kernel_s) <= KERNEL_S


@pytest.mark.parametrize(
    "jump_s",
    [YEAR, -HOUR, *(pytest.param(jump, marks=pytest.mark.proof) for jump in (HOUR, -YEAR))],
)
def test_a_jump_ends_nobody_and_gives_nobody_more(
    world: SkewedWorld, gateway: Gateway, online: Guest, newcomer: Guest, jump_s: int
) -> None:
    limit, jumps = Limit(online), len(gateway.log_lines('"clock_jumped"'))
    stream = online.phone.stream(ECHO_HOST)
    world.set_clock(jump_s)
    noticed(gateway, jumps)
    told = json.loads(gateway.log_lines('"clock_jumped"')[-1])
    assert abs(told["seconds"] - jump_s) <= 1
    pause(3)  # several looks at what is due, on the new clock
    assert online.is_admitted()
    assert not online.is_captive()
    assert limit.stands(), limit.moved_s()
    assert newcomer.sign_in().status == 303, "logging in goes on"
    assert not newcomer.is_captive()
    gateway.kill_and_wait("keeper", "portal")
    assert limit.stands(), limit.moved_s()
    assert stream.stop().lost == 0
    newcomer.sign_out()


def test_a_jump_while_no_keeper_runs_is_found_by_the_next(
    world: SkewedWorld, gateway: Gateway, online: Guest
) -> None:
    limit, jumps = Limit(online), len(gateway.log_lines('"clock_jumped"'))
    keeper = gateway.pid("keeper")
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)
    world.set_clock(YEAR)
    os.kill(keeper, signal.SIGKILL)
    noticed(gateway, jumps)
    until(lambda: not online.is_captive(), "the page agrees")
    assert online.is_admitted()
    assert limit.stands(), limit.moved_s()


def test_a_start_with_an_empty_battery_ends_nobody(
    world: SkewedWorld, gateway: Gateway, online: Guest
) -> None:
    """After a power loss the clock says a year ago, and is set right a little later."""
    limit, jumps = Limit(online), len(gateway.log_lines('"clock_jumped"'))
    keeper = gateway.pid("keeper")
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)
    run_sql(world, "UPDATE site_clock SET machine_start = 'before the power loss'")
    world.kill()
    world.set_clock(-YEAR)
    world.start()
    pause(3)
    assert online.is_admitted()
    assert not online.is_captive()
    world.set_clock(0)
    until(limit.stands, "both are right again", 60)
    assert online.is_admitted()
    world.set_clock(HOUR)  # for the fixture that sets it right
    noticed(gateway, jumps)
