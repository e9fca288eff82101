"""What every gate answers, the kernel's and the simulated one alike."""

import time

import pytest

from firewall.agent import run_simulated_agent
from firewall.client import GateClient, GateError
from firewall.settings import GateSettings, GuestNetwork
from firewall.verbs import Addresses, Counters
from tests.firewall.conftest import agent_in_thread, wait_for
from tests.firewall.network import in_thread

FIRST, SECOND, THIRD = (f"02:00:00:00:00:0{n}" for n in (1, 2, 3))


@pytest.fixture(params=[pytest.param("kernel", marks=pytest.mark.root), "simulated"])
async def any_gate(request, directory):
    changes = {"profiles": {"default": 0, "slow": 3}, "devices_max": 3}
    if request.param == "kernel":
        net = request.getfixturevalue("net")
        settings = net.settings(directory, **changes)
        running = agent_in_thread(settings, net.gateway)
    else:
        networks = (GuestNetwork("guest0", "main"),)
        socket_path = directory / "gate.sock"
        settings = GateSettings(guest_networks=networks, socket_path=socket_path, **changes)
        running = in_thread(None, lambda stop: run_simulated_agent(settings, stop))
    with running:
        wait_for(settings.socket_path.exists, "the gate's socket")
        async with GateClient(settings.socket_path) as client:
            yield client


async def devices(gate) -> dict[str, tuple[int, str]]:
    usage = await gate.usage()
    return {
        mac: (round(device.remaining_s, -1), device.profile)
        for mac, device in usage.devices.items()
    }


async def test_a_device_comes_in_and_goes_out(any_gate):
    await any_gate.admit(FIRST, 60)
    assert await devices(any_gate) == {FIRST: (60, "default")}
    assert await any_gate.expel(FIRST) == Counters()
    assert await devices(any_gate) == {}
    assert await any_gate.expel(FIRST) is None


async def test_admitting_again_changes_time_and_profile(any_gate):
    await any_gate.admit(FIRST, 60)
    await any_gate.admit(FIRST, 60)
    await any_gate.admit(FIRST, 120, "slow")
    assert await devices(any_gate) == {FIRST: (120, "slow")}
    await any_gate.admit(FIRST, 40)
    assert await devices(any_gate) == {FIRST: (40, "default")}


async def test_reconciling_makes_exactly_these_admitted(any_gate):
    await any_gate.reconcile([(FIRST, 60, "default"), (SECOND, 60, "default")])
    changes = await any_gate.reconcile([(SECOND, 120, "slow"), (THIRD, 60, "default")])
    assert (changes.admitted, changes.changed) == ((THIRD,), (SECOND,))
    assert changes.expelled == {FIRST: Counters()}
    assert await devices(any_gate) == {SECOND: (120, "slow"), THIRD: (60, "default")}
    again = await any_gate.reconcile([(SECOND, 120, "slow"), (THIRD, 60, "default")])
    assert again.count == 0


async def test_a_list_that_was_read_before_a_login_spares_it(any_gate):
    await any_gate.reconcile([(FIRST, 60, "default")])
    await any_gate.admit(SECOND, 60)
    changes = await any_gate.reconcile([(THIRD, 60, "default")])
    assert (changes.admitted, list(changes.expelled)) == ((THIRD,), [FIRST])
    assert set(await devices(any_gate)) == {SECOND, THIRD}
    assert await any_gate.expel(SECOND) == Counters()


async def test_reconciling_with_no_time_left_puts_out(any_gate):
    await any_gate.reconcile([(FIRST, 60, "default")])
    changes = await any_gate.reconcile([(FIRST, 0, "default")])
    assert list(changes.expelled) == [FIRST]


async def test_a_full_gate_takes_nobody_but_those_inside(any_gate):
    for mac in (FIRST, SECOND, THIRD):
        await any_gate.admit(mac, 60)
    with pytest.raises(GateError) as refused:
        await any_gate.admit("02:00:00:00:00:04", 60)
    assert refused.value.reason == "busy"
    await any_gate.admit(FIRST, 120)
    with pytest.raises(GateError) as refused:
        await any_gate.reconcile([(f"02:00:00:00:01:0{n}", 60, "default") for n in range(4)])
    assert refused.value.reason == "busy"
    assert set(await devices(any_gate)) == {FIRST, SECOND, THIRD}


@pytest.mark.parametrize(
    ("mac", "remaining_s", "profile"),
    [("nonsense", 60, "default"), (FIRST, -1, "default"), (FIRST, 60, "unheard-of")],
)
async def test_nonsense_is_refused_and_changes_nothing(any_gate, mac, remaining_s, profile):
    with pytest.raises(GateError) as refused:
        await any_gate.admit(mac, remaining_s, profile)
    assert refused.value.reason == "bad_request"
    assert await devices(any_gate) == {}


async def test_reconciling_with_nonsense_changes_nothing(any_gate):
    await any_gate.admit(FIRST, 60)
    with pytest.raises(GateError):
        await any_gate.reconcile([(SECOND, 60, "default"), (THIRD, 60, "unheard-of")])
    assert set(await devices(any_gate)) == {FIRST}


async def test_nobody_is_behind_a_strange_address(any_gate):
    assert await any_gate.identify("198.51.100.1") is None
    assert await any_gate.identify("2001:db8:ffff::1") is None
    assert await any_gate.identify("fe80::1%nowhere0") is None


async def test_time_ends_a_session_and_its_counters_wait(any_gate):
    await any_gate.admit(FIRST, 0.3)
    end = time.monotonic() + 10
    while await devices(any_gate):
        assert time.monotonic() < end
    assert await any_gate.expel(FIRST) == Counters()


async def test_the_gate_tells_how_it_is(any_gate):
    health = await any_gate.ping()
    assert (health["devices"], health["devices_max"], health["healed"]) == (0, 3, 0)


async def test_silent_devices_are_asked_and_stay_silent(any_gate):
    await any_gate.admit(FIRST, 60)
    assert await any_gate.probe([FIRST, SECOND, FIRST]) == 0
    assert await any_gate.probe([]) == 0
    assert (await any_gate.usage()).devices[FIRST].heard_s_ago is None


async def test_nonsense_is_not_asked(any_gate):
    with pytest.raises(GateError) as refused:
        await any_gate.probe([FIRST, "nonsense"])
    assert refused.value.reason == "bad_request"


async def test_watching_begins_with_a_word(any_gate):
    events = any_gate.watch()
    assert await anext(events) == {"event": "watching"}
    await events.aclose()


async def test_nobody_has_ports_of_its_own_where_no_site_wants_it(any_gate):
    await any_gate.admit(FIRST, 60)
    assert await any_gate.addresses() == Addresses()
