"""The agent as a process: killed, restarted, unprivileged, and executing nothing."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firewall.agent import AlreadyRunningError, run_agent
from firewall.client import GateClient, GateError
from tests.firewall.conftest import ROOT, wait_for
from tests.firewall.network import Network, in_thread
from tests.firewall.traffic import FAMILIES, Stream, tcp_reaches, udp_echo

pytestmark = pytest.mark.root

AGENT = Path(__file__).with_name("agent_process.py")
CAPABILITIES = "+net_admin,+net_raw"
UNPRIVILEGED = (
    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs",
    "--inh-caps", CAPABILITIES, "--ambient-caps", CAPABILITIES,
    "--bounding-set", f"-all,{CAPABILITIES}",
)  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
async def test_kill_and_restart_lose_nobodys_packet(net: Network, agent_process, family):
    device = net.devices[0]
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM, family), 9)
    with agent_process() as process, echo:
        async with GateClient(process.path) as gate:
            await gate.admit(device.mac, 600)
            with Stream(device, net.world.address(family), 9) as stream:
                wait_for(lambda: stream.arrived, "the stream")
                for _ in range(3):
                    process.kill()
                    process.start()
                    assert list((await gate.usage()).devices) == [device.mac]
            assert stream.lost == 0
            assert (await gate.ping())["healed"] == 0
            usage = (await gate.usage()).devices[device.mac]
            assert usage.counters.up_packets >= len(stream.arrived)
            assert usage.counters.down_packets >= len(stream.arrived)
            assert 500 < usage.remaining_s <= 600
            assert (await gate.reconcile([(device.mac, 600, "default")])).admitted == ()


async def test_a_session_ends_on_time_with_nobody_left_to_end_it(net: Network, agent_process):
    device = net.devices[0]
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM), 9)
    with agent_process() as process, echo:
        async with GateClient(process.path) as gate:
            await gate.admit(device.mac, 1.0)
            admitted = time.monotonic()
        process.kill()
        with Stream(device, net.world.ipv4, 9) as stream:
            wait_for(lambda: len(stream.arrived) > 100, "the stream")
            wait_for(lambda: time.monotonic() > max(stream.arrived.values()) + 0.5, "its end")
        # the session's end and the two seconds' grace, give or take the kernel's tick
        assert 2.5 < max(stream.arrived.values()) - admitted < 4.0
        process.start()


async def test_strangers_stay_out_while_no_agent_runs(net: Network, agent_process):
    with agent_process() as process:
        process.kill()
        assert not tcp_reaches(net.devices[0], net.world.ipv4, 443)
        net.in_gateway("nft", "flush", "ruleset")
        with net.devices[0].open(socket.SOCK_STREAM) as client:
            client.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.connect((net.world.ipv4, 443))
        process.start()


async def test_the_agent_needs_two_capabilities_and_no_more(
    net: Network, agent_process, directory: Path
):
    os.chown(directory, 65534, 65534)
    with agent_process(*UNPRIVILEGED) as process:
        async with GateClient(process.path) as gate:
            await gate.admit(net.devices[0].mac, 600)
            net.in_gateway("nft", "flush", "ruleset")
            net.in_gateway("ip", "rule", "del", "pref", "100")
            async with asyncio.timeout(60):
                while not (await gate.ping())["healed"]:
                    await asyncio.sleep(0.01)
            assert await gate.expel(net.devices[0].mac) is not None
    assert "blackhole" in net.in_gateway("ip", "rule")


async def test_a_gate_that_cannot_listen_does_not_start(net: Network, directory: Path):
    """Deaf, it would let nobody back in without a page, and nobody would know why."""
    os.chown(directory, 65534, 65534)
    deaf = [word.replace(",+net_raw", "") for word in UNPRIVILEGED]
    words = ["ip", "netns", "exec", net.gateway, *deaf, sys.executable, str(AGENT)]
    done = subprocess.run(  # noqa: ASYNC221 - it is to end at once
        [*words, json.dumps({"socket": str(directory / "gate.sock")})],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode != 0
    assert "listen to guests: Operation not permitted" in done.stderr


async def test_nothing_is_executed(net: Network, agent_process, directory: Path):
    assert shutil.which("strace")
    trace = directory / "trace"
    with agent_process() as process:
        strace = subprocess.Popen(  # noqa: ASYNC220 - started, not waited for
            ["strace", "-f", "-qq", "-e", "trace=execve,execveat,fork,vfork", "-o", str(trace),
             "-p", str(process.pid)]
        )  # fmt: skip
        wait_for(lambda: "TracerPid:\t0" not in _status(process.pid), "the tracer")
        async with GateClient(process.path) as gate:
            await gate.admit(net.devices[0].mac, 600)
            for hostile in ("$(touch /tmp/x)", "`id`", "; nft flush ruleset", "| sh"):
                with pytest.raises(GateError):
                    await gate.admit(hostile, 600)
                with pytest.raises(GateError):
                    await gate.admit(net.devices[0].mac, 600, hostile)
                with pytest.raises(GateError):
                    await gate.identify(hostile)
            net.in_gateway("nft", "flush", "ruleset")
            async with asyncio.timeout(60):
                while not (await gate.ping())["healed"]:
                    await asyncio.sleep(0.01)
            await gate.reconcile([])
        strace.send_signal(signal.SIGINT)
        strace.wait(60)
    assert "exec" not in trace.read_text()
    assert "fork" not in trace.read_text()


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def test_two_agents_do_not_share_a_machine(net: Network, agent):
    with pytest.raises(AlreadyRunningError), in_thread(net.gateway, lambda s: run_agent(agent, s)):
        pass
