"""FreeRADIUS 3.2, from a folder of its own: as a proxy in front of us, or as a home server.

Not the service of its package. Nothing but what a test needs is loaded.
"""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.ports import free_ports_in_a_row

_COMMON = """
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
confdir = {folder}
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 1024
log {{
  destination = stdout
}}
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = yes
  allow_vulnerable_openssl = yes
}}
thread pool {{
  start_servers = 2
  max_servers = 4
}}
client here {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
  require_message_authenticator = no
}}
"""

_PROXY = """
proxy_requests = yes
proxy server {{
  retry_delay = 1
  retry_count = 2
  dead_time = 120
}}
{homes}
home_server_pool bridges {{
  type = fail-over
{members}
}}
realm DEFAULT {{
  pool = bridges
  nostrip
}}
realm NULL {{
  pool = bridges
  nostrip
}}
modules {{
  realm suffix {{
    format = suffix
    delimiter = "@"
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {accounting_port}
  }}
  authorize {{
    suffix
  }}
  preacct {{
    suffix
  }}
}}
"""

_HOME = """
home_server bridge{number} {{
  type = auth+acct
  ipaddr = 127.0.0.1
  port = {port}
  secret = "{secret}"
  response_window = 1
  zombie_period = 1
  revive_interval = 300
  status_check = status-server
  check_interval = 6
  check_timeout = 1
  num_answers_to_alive = 3
}}
"""

_SERVER = """
proxy_requests = no
modules {{
  pap {{ }}
  chap {{ }}
  mschap {{ }}
  always ok {{
    rcode = ok
  }}
  files {{
    usersfile = {folder}/users
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {accounting_port}
  }}
  authorize {{
    chap
    mschap
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
  }}
  accounting {{
    ok
  }}
}}
"""


@asynccontextmanager
async def proxy(folder: Path, bridges: Sequence[int], secret: str) -> AsyncIterator[int]:
    """Run a proxy before bridges at these ports; yields its port, accounting is the next."""
    port = free_ports_in_a_row(2)
    homes = [_HOME.format(number=at, port=home, secret=secret) for at, home in enumerate(bridges)]
    members = [f"  home_server = bridge{at}" for at in range(len(bridges))]
    text = _PROXY.format(
        homes="".join(homes), members="\n".join(members), port=port, accounting_port=port + 1
    )
    async with _running(folder, _COMMON.format(folder=folder, secret=secret) + text):
        yield port


@asynccontextmanager
async def home_server(folder: Path, users: str, secret: str) -> AsyncIterator[int]:
    """Run a server that knows these users; yields its port, accounting is the next."""
    port = free_ports_in_a_row(2)
    (folder / "users").write_text(users)
    text = _SERVER.format(folder=folder, port=port, accounting_port=port + 1)
    async with _running(folder, _COMMON.format(folder=folder, secret=secret) + text):
        yield port


@asynccontextmanager
async def _running(folder: Path, configuration: str) -> AsyncIterator[None]:
    (folder / "radiusd.conf").write_text(configuration)
    command = ["freeradius", "-f", "-l", "stdout", "-d", str(folder), "-n", "radiusd"]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    try:
        await _is_ready(process)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _is_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    said = b""
    async for line in process.stdout:
        said += line
        if b"Ready to process requests" in line:
            return
    raise AssertionError(said.decode())
