"""Nobody who is online notices that a part of Kvar died: 0 packets lost over 60 kills in a proof.

The stream sends one datagram every 2 ms to an echo and counts what comes back; the download is
one TCP connection without end.
"""

import statistics

import pytest

from portal.demo.world import World
from tests.faults.gateway import POSTGRES, Gateway
from tests.lab.guest import Guest, until

pytestmark = pytest.mark.root

PARTS = ("portal", "gate", POSTGRES)
FEW, SIXTY = (1, 2), (6, 14)
"""Rounds of three kills: each part alone, and all of them in the same moment."""
LONGEST_GAP_S = 0.25
FLUSHES = 10
ECHO_HOST = "www.example.com"


@pytest.mark.parametrize(
    ("one_by_one", "at_once"),
    [pytest.param(*FEW, id="nine"), pytest.param(*SIXTY, id="sixty", marks=pytest.mark.proof)],
)
def test_kills_lose_no_packet(
    gateway: Gateway, online: Guest, one_by_one: int, at_once: int
) -> None:
    phone = online.phone
    download, stream = phone.download(ECHO_HOST), phone.stream(ECHO_HOST)
    until(lambda: download.report().received_bytes, "the download begins")
    for _ in range(one_by_one):
        for part in PARTS:
            gateway.kill_and_wait(part)
    for _ in range(at_once):
        gateway.kill_and_wait(*PARTS)
    got, flow = stream.stop(), download.stop()
    kills = len(PARTS) * (one_by_one + at_once)
    print(f"{kills} kills in {got.elapsed_s:.0f} s: {got.lost} of {got.sent} datagrams lost, "  # noqa: T201
          f"longest gap {got.longest_gap_s * 1000:.0f} ms; download {flow}")  # fmt: skip
    assert (got.lost, got.send_errors) == (0, 0), got
    assert got.sent > 1000
    assert flow.ended == ""
    assert not online.is_captive()


def test_a_flush_is_mended_before_anybody_minds(gateway: Gateway, online: Guest) -> None:
    """The outage is the longest run of lost datagrams: this machine's own pauses do not count.

    On a machine shared with others a flush can fall into a time when nobody gets the processor;
    a flush over the limit is therefore repeated, and the second must hold.
    """
    outages = [_outage_s(gateway, online) for _ in range(FLUSHES)]
    repeated = [_outage_s(gateway, online) for outage in outages if outage > LONGEST_GAP_S]
    shown = ", ".join(f"{outage * 1000:.0f}" for outage in outages)
    print(f"outages in ms: {shown}; repeated: {repeated}")  # noqa: T201
    assert statistics.median(outages) <= LONGEST_GAP_S
    assert all(outage <= LONGEST_GAP_S for outage in repeated), (outages, repeated)


def _outage_s(gateway: Gateway, online: Guest) -> float:
    healed = gateway.healed
    stream = online.phone.stream(ECHO_HOST)
    until(lambda: stream.report().received > 20, "the stream flows")
    gateway.run("nft", "flush", "ruleset")
    gateway.wait_until_healed(healed)
    sent = stream.report().received
    until(lambda: stream.report().received > sent + 50, "the stream flows again")
    return stream.stop().longest_outage_s


def test_the_whole_of_kvar_killed_and_started(world: World, online: Guest) -> None:
    stream = online.phone.stream(ECHO_HOST)
    for _ in range(2):
        with world.killed():
            assert online.is_admitted()
        assert not online.is_captive()
    assert stream.stop().lost == 0


def test_stopped_politely_and_started(world: World, online: Guest) -> None:
    """An upgrade or a restart of the service ends nobody's session either."""
    stream = online.phone.stream(ECHO_HOST)
    world.stop()
    assert online.is_admitted()
    world.start()
    assert not online.is_captive()
    assert stream.stop().lost == 0


def test_the_keeper_killed(gateway: Gateway, online: Guest) -> None:
    stream = online.phone.stream(ECHO_HOST)
    old = gateway.kill("keeper")
    until(lambda: gateway.pid("keeper") not in {None, old}, "the keeper again")
    assert not online.is_captive()
    assert stream.stop().lost == 0
