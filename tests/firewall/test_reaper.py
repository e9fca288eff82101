"""Connections of devices that left: found among others' by one walk or one dump, and deleted."""

import asyncio
import errno
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.kernel import KernelError
from firewall.marks import NUMBER_MASK, PASS, device_mark
from firewall.reaper import WALKS_MAX, Reaper, shared_bits
from tests.firewall.conftest import wait_for
from tests.firewall.network import Network, inside

MASK = NUMBER_MASK | PASS


@given(st.sets(st.integers(0, 0xFFFF_FFFF), min_size=1), st.integers(0, 0xFFFF_FFFF))
def test_shared_bits_match_every_mark(marks, mask):
    value, common = shared_bits({mark & mask for mark in marks}, mask)
    assert common & mask == common
    assert all(mark & common == value for mark in marks)


def test_one_mark_shares_all_of_its_mask():
    assert shared_bits([0x0005_0001], MASK) == (0x0005_0001, MASK)


@pytest.fixture
def reaper(net: Network) -> Iterator[Reaper]:
    made = inside(net.gateway, Reaper)
    yield made
    made.close()


def connect(net: Network, numbers: range) -> None:
    """Make one connection of each family for each device number."""
    for number in numbers:
        for source, target in (("10.77.0.9", net.world.ipv4), ("2001:db8:77::9", net.world.ipv6)):
            net.in_gateway(
                *("conntrack", "-I", "-s", source, "-d", target, "-p", "udp", "--timeout", "600"),
                *("--sport", str(1000 + number), "--dport", "9", "--mark", str(mark_of(number))),
            )


def mark_of(number: int) -> int:
    return device_mark(number, number % 3)


def known(net: Network) -> list[int]:
    """Return the device numbers of all connections, in order."""
    lines = [
        line
        for family in ("ipv4", "ipv6")
        for line in net.in_gateway("conntrack", "-L", "-f", family).splitlines()
        if "dport=9 " in line
    ]
    return sorted(int(line.split("sport=")[1].split()[0]) - 1000 for line in lines)


@pytest.mark.root
@pytest.mark.parametrize("doomed", [range(1, 2), range(1, WALKS_MAX + 1), range(1, 21)])
def test_the_doomed_end_and_nobody_else(net: Network, reaper: Reaper, doomed: range):
    connect(net, range(1, 24))
    marks = [(device_mark(number, 0), MASK) for number in doomed]
    for _ in range(2):  # the second time, none is left
        reaper.delete(marks)
        rest = [number for number in range(1, 24) if number not in doomed]
        assert known(net) == sorted(2 * rest)


@pytest.mark.root
async def test_whoever_waits_is_told_when_they_are_gone(net: Network, reaper: Reaper):
    connect(net, range(1, 4))
    async with asyncio.TaskGroup() as tasks:
        reaping = tasks.create_task(reaper.reap())
        for number in (1, 2):
            reaper.doom(device_mark(number, 0), MASK)
            await reaper.settle()
        await reaper.settle()  # nothing to wait for
        reaping.cancel()
    await asyncio.to_thread(wait_for, lambda: known(net) == [3, 3], "both devices' ends")


@pytest.mark.root
async def test_a_wait_ends_though_nobody_reaps(reaper: Reaper):
    reaper.doom(device_mark(1, 0), MASK)
    await reaper.settle()


class Refusing(Reaper):
    """The kernel is out of memory once."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    def delete(self, doomed):
        self.refusals += 1
        if self.refusals == 1:
            raise KernelError(errno.ENOMEM, "delete connections")
        super().delete(doomed)


@pytest.mark.root
async def test_what_the_kernel_refused_is_tried_again(net: Network):
    connect(net, range(1, 3))
    reaper = inside(net.gateway, Refusing)
    async with asyncio.TaskGroup() as tasks:
        reaping = tasks.create_task(reaper.reap())
        reaper.doom(device_mark(1, 0), MASK)
        await asyncio.to_thread(wait_for, lambda: known(net) == [2, 2], "the second attempt")
        reaping.cancel()
    assert reaper.refusals == 2
    reaper.close()
