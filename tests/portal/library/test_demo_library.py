import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.demo_library import LOGIN_PASSWORD, LOGIN_USER
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2Settings, TlsMode, TlsSettings

pytestmark = pytest.mark.program


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "portal.library.demo_library", "--port", "0", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        yield process, int(line.split()[-1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def library(port: int, password: str) -> Sip2Library:
    tls = TlsSettings(TlsMode.OFF)
    return Sip2Library(
        Sip2Settings("127.0.0.1", port, tls, LOGIN_USER, login_password=Secret(password))
    )


async def test_it_runs_as_a_process_says_its_port_and_ends_on_interrupt() -> None:
    async with running() as (process, port):
        card, pin = Secret("20000000000001"), Secret("1234")
        assert await library(port, LOGIN_PASSWORD).verify(card, pin) is Verification.OK
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_its_password_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("other-password\n")
    async with running("--login-password-file", str(file)) as (_, port):
        assert (await library(port, "other-password").ping()).outcome is Verification.OK
        refused = await library(port, LOGIN_PASSWORD).ping()
        assert refused.outcome is Verification.REFUSED_BY_SERVER
