"""The socket in bad company: strangers, nonsense, and too much of everything."""

import asyncio
import json
import logging
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from firewall import server, verbs, wire
from firewall.agent import run_simulated_agent
from firewall.client import GateClient, GateError
from firewall.kernel import KernelError
from firewall.server import Events, GateServer
from firewall.settings import GateSettings, GuestNetwork
from firewall.simulated import SimulatedGate
from tests.firewall.conftest import ROOT, wait_for
from tests.firewall.network import in_thread

FIRST = "02:00:00:00:00:01"


class RefusingGate(SimulatedGate):
    """A gate whose kernel says no."""

    def usage(self):
        raise KernelError(16, "read a set")


@pytest.fixture
def settings(directory) -> GateSettings:
    return GateSettings(
        guest_networks=(GuestNetwork("guest0", "main"),), socket_path=directory / "gate.sock"
    )


@pytest.fixture
async def events() -> Events:
    return Events()


@pytest.fixture
async def listening(settings, events) -> AsyncIterator[GateSettings]:
    gate = RefusingGate(settings, asyncio.get_running_loop().time)
    async with GateServer(settings, gate, events).listening():
        yield settings


async def ask(settings: GateSettings, *lines: bytes) -> list[dict]:
    reader, writer = await asyncio.open_unix_connection(settings.socket_path)
    answers = []
    for line in lines:
        writer.write(line)
        answers.append(json.loads(await reader.readline()))
    writer.close()
    return answers


async def test_a_refusal_says_whose_fault_it_is(listening):
    (answer,) = await ask(listening, b'{"verb":"expel","mac":"x"}\n')
    assert answer["error"] == "bad_request"
    (answer,) = await ask(listening, b'{"verb":"usage"}\n')
    assert answer["error"] == "kernel"


async def test_what_the_kernel_refuses_is_an_error_of_the_client(listening):
    async with GateClient(listening.socket_path) as gate:
        with pytest.raises(GateError) as refused:
            await gate.usage()
        assert refused.value.reason == "kernel"
        assert (await gate.ping())["simulated"]


async def test_nonsense_is_logged_once_a_connection_and_then_cut(listening, caplog):
    caplog.set_level(logging.WARNING)
    reader, writer = await asyncio.open_unix_connection(listening.socket_path)
    writer.write(b"nonsense\n" * (server.REFUSALS_MAX + 5))
    answers = (await reader.read()).splitlines()
    writer.close()
    assert len(answers) == server.REFUSALS_MAX
    assert len(caplog.records) == 1
    assert "nonsense" not in caplog.text


async def test_a_line_without_end_is_refused(listening):
    reader, writer = await asyncio.open_unix_connection(listening.socket_path)
    writer.write(b"x" * (2 * wire.REQUEST_LINE_MAX_BYTES + 1))
    assert json.loads(await reader.readline())["error"] == "bad_request"
    with suppress(ConnectionResetError):  # what was not read of it is thrown away
        assert await reader.read() == b""
    writer.close()


async def test_half_a_line_is_nothing(listening):
    reader, writer = await asyncio.open_unix_connection(listening.socket_path)
    writer.write(b'{"verb":"ping"}')
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def test_hundreds_of_broken_requests_leave_the_gate_well(listening):
    dice = random.Random(7)
    good = [
        wire.encode_request(request)
        for request in (
            verbs.Admit(FIRST, 60.0),
            verbs.Expel(FIRST),
            verbs.Reconcile((verbs.Admit(FIRST, 60.0),)),
            verbs.Identify("10.0.0.1"),
        )
    ]
    for _ in range(400):
        line = bytearray(dice.choice(good)[:-1])
        for _ in range(dice.randrange(1, 6)):
            line[dice.randrange(len(line))] = dice.randrange(256)
        (answer,) = await ask(listening, bytes(line).replace(b"\n", b" ") + b"\n")
        assert answer.get("ok") or answer["error"] in ("bad_request", "busy")
    (answer,) = await ask(listening, b'{"verb":"ping"}\n')
    assert answer["ok"]


async def test_too_many_connections_are_told_so(listening):
    held = []
    for _ in range(server.CONNECTIONS_MAX):
        held.append(await asyncio.open_unix_connection(listening.socket_path))
        held[-1][1].write(b'{"verb":"ping"}\n')
        assert await held[-1][0].readline()
    async with GateClient(listening.socket_path) as gate:
        with pytest.raises(GateError) as refused:
            await gate.ping()
        assert refused.value.reason == "busy"
    for _, writer in held:
        writer.close()
    async with GateClient(listening.socket_path) as gate, asyncio.timeout(60):
        while True:
            try:
                assert (await gate.ping())["ok"]
                break
            except GateError:
                await asyncio.sleep(0.01)


async def test_a_watcher_too_far_behind_is_let_go(listening, events):
    watch = GateClient(listening.socket_path).watch()
    assert await anext(watch) == {"event": "watching"}
    for number in range(20_000):
        events.publish({"event": "noise", "number": number, "text": "x" * 200})
    async with asyncio.timeout(60):
        with pytest.raises(GateError):
            await drain(watch)


async def drain(watch: AsyncIterator[dict]) -> None:
    async for _ in watch:
        pass


async def test_a_client_survives_its_gates_restart(settings):
    client = GateClient(settings.socket_path)
    for _ in range(2):
        with in_thread(None, lambda stop: run_simulated_agent(settings, stop)):
            wait_for(settings.socket_path.exists, "the gate's socket")
            assert (await client.ping())["ok"]
    with pytest.raises(GateError) as gone:
        await client.ping()
    assert gone.value.reason == "unreachable"
    await client.close()


async def test_a_silent_gate_is_unreachable_in_time(settings):
    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_unix_server(say_nothing, settings.socket_path)
    async with silent, GateClient(settings.socket_path, timeout_s=0.2) as gate:
        with pytest.raises(GateError) as gone:
            await gate.ping()
        assert gone.value.reason == "unreachable"


async def test_a_gate_that_speaks_nonsense_is_unreachable(settings):
    async def babble(reader, writer):
        await reader.readline()
        writer.write(b"what?\n")
        await reader.read()
        writer.close()

    babbling = await asyncio.start_unix_server(babble, settings.socket_path)
    async with babbling, GateClient(settings.socket_path) as gate:
        with pytest.raises(GateError) as gone:
            await gate.ping()
        assert gone.value.reason == "unreachable"


ASK_AS_ANOTHER = """
import asyncio, os, sys
from pathlib import Path
from firewall.client import GateClient, GateError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    for verb in ("ping", "usage"):
        try:
            await getattr(GateClient(Path(sys.argv[1])), verb)()
        except GateError as error:
            print(error.reason)
asyncio.run(main())
"""


@pytest.mark.root
async def test_another_user_is_not_answered(settings):
    with in_thread(None, lambda stop: run_simulated_agent(settings, stop)):
        wait_for(settings.socket_path.exists, "the gate's socket")
        words = [sys.executable, "-c", ASK_AS_ANOTHER, str(settings.socket_path)]
        done = subprocess.run(  # noqa: ASYNC221 - the gate runs on a loop of its own
            words, capture_output=True, text=True, check=False, cwd=ROOT
        )
    assert done.stdout.split() == ["not_allowed", "not_allowed"], done.stderr


async def test_nobody_waits_for_the_connections_of_another(settings):
    """Who logs out is answered when his connections are gone; all others are answered at once."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def settle() -> None:
        begun.set()
        await over.wait()

    gate = SimulatedGate(settings, asyncio.get_running_loop().time)
    async with (
        GateServer(settings, gate, Events(), settle).listening(),
        GateClient(settings.socket_path) as leaving,
        GateClient(settings.socket_path) as other,
        asyncio.TaskGroup() as tasks,
    ):
        await leaving.admit(FIRST, 600)
        expelling = tasks.create_task(leaving.expel(FIRST))
        await begun.wait()
        assert (await other.ping())["devices"] == 0
        assert not expelling.done()
        over.set()
        assert await expelling is not None
