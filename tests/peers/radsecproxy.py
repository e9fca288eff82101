"""radsecproxy 1.9 as docs/radius-tls.md sets it up: RADIUS over UDP in, RADIUS/TLS out.

Only ports, folders and the client's network are others than on the page; the gateway's name is
looked up in a `hosts` file of its own.
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.ports import free_port
from tests.radius_bridge.certificates import PAGE, SERVER

SECRET = b"between the access points and it"


def configuration(folder: Path, listens: int, gateway: int) -> str:
    """Return the page's configuration, made to fit this machine."""
    text = PAGE.read_text("utf-8")
    block = re.search(r"^```\nListenUDP.*?^```", text, re.MULTILINE | re.DOTALL)
    assert block
    fitted = block.group().strip("`\n")
    for there, here in (
        ("ListenUDP *:1812", f"ListenUDP 127.0.0.1:{listens}"),
        ("ListenUDP *:1813\n", ""),
        ("/etc/radsecproxy", str(folder)),
        ("client 10.20.0.0/24", "client 127.0.0.0/8"),
        ('"made by: openssl rand -base64 24"', f'"{SECRET.decode()}"'),
        ("port 2083", f"port {gateway}"),
    ):
        assert there in fitted, there
        fitted = fitted.replace(there, here)
    return fitted


@asynccontextmanager
async def radsecproxy(folder: Path, gateway: int, speed: int = 1) -> AsyncIterator[int]:
    """Run one that connects to our port, and give its own; `folder` has the page's certificates.

    With `speed` its clock runs so many times as fast: its watchdog waits for 25 s.
    """
    port = free_port()
    file, hosts = folder / "radsecproxy.conf", folder / "hosts"
    file.write_text(configuration(folder, port, gateway), encoding="ascii")
    hosts.write_text(f"127.0.0.1 {SERVER} localhost\n", encoding="ascii")
    faster = f"faketime -f '+0 x{speed}'" if speed > 1 else ""
    command = f"{faster} radsecproxy -f -d 2 -c {file}"
    script = f"mount --bind {hosts} /etc/hosts && exec {command}"
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "sh", "-c", script),
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # faketime has it in a process of its own
        said, _ = await process.communicate()
        sys.stdout.write(said.decode(errors="replace"))  # shown when the test fails
