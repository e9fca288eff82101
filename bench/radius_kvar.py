"""Kvar's side of the RADIUS benchmark: ``kvar radius`` as on a real machine, nothing left out.

Its site has no gate: access points let devices in. The rule to keep: the process is started by its
command line, with a configuration file, and all that is switched on by default is on.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from shutil import copytree
from time import monotonic, sleep
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg

from bench.gate_memory import megabytes
from bench.radius_freeradius import free_port
from bench.radius_packets import SECRET, User
from bench.rows import Row
from firewall.lab.processes import LabError, stop
from portal.config_file import parse
from portal.domain import login_token
from portal.domain.identity import MacAddress
from portal.services.key_ring import KeyRing

START_TIMEOUT_S = 60.0
WORKERS_START_S = 3.0
SITE, CLIENT = "main", "benchmark"

_SESSIONS = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,
                          last_seen_at, trace_key, device_trace)
SELECT gen_random_uuid(), 'card', mac::macaddr, $2, now(), now() + interval '8 hours',
       'time_limit', now(), 'bench', sha256(mac::bytea)
FROM unnest($1::text[]) AS mac
"""


class Kvar:
    """The running bridge, in so many processes. Every one of ``users`` has a session."""

    def __init__(self, directory: Path, dsn: str, users: Sequence[User], workers: int = 1) -> None:
        self._dsn = dsn
        self._users = users
        self._workers = workers
        self._open = ExitStack()
        self._directory = directory / f"kvar-{workers}"
        self.authentication_port, self.accounting_port = free_port(), free_port()
        self._health_port = free_port()
        for name in ("keys", "spool", "accounting"):
            (self._data / name).mkdir(parents=True, mode=0o700)
        self._file = self._directory / "kvar.toml"
        self._file.write_text(self._configuration(), encoding="utf-8")
        parse(self._file.read_text("utf-8"), self._file)  # a mistake is told here, not in a log

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "portal", "--config", str(self._file), "radius"]
        log = self._open.enter_context(self._log.open("wb"))
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._open.callback(stop, self._process)
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def share_keys(self, other: "Kvar") -> None:
        """Use another's keys, so that its tokens are good here; before the start."""
        copytree(other.keys, self.keys, dirs_exist_ok=True)

    def tokens(self) -> list[User]:
        """Return what each device may log in with now, as the portal gives it to its browser."""
        key, now = KeyRing(self.keys).radius_key("login"), datetime.now(UTC)
        return [_with_token(user, key, now) for user in self._users]

    def sessions_kept(self) -> int:
        """Return how many visits the database holds that access points told of."""
        return asyncio.run(self._count())

    def memory(self) -> list[Row]:
        """Return what its processes hold."""
        pss, rss = megabytes([self._process.pid, *_children(self._process.pid)])
        who = "kvar radius" if self._workers == 1 else f"kvar radius, {self._workers} workers,"
        name = f"memory of {who} with {len(self._users):,} sessions, PSS (RSS {rss:.0f} MB)"
        return [Row(name, pss, "MB")]

    @property
    def keys(self) -> Path:
        """Where its keys are."""
        return self._data / "keys"

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @property
    def _log(self) -> Path:
        return self._directory / "kvar.log"

    def _configuration(self) -> str:
        return f"""
[organisation]
name = "Exempelby bibliotek"
contact_email = "biblioteket@exempelby.example"
ssid = "Bibliotek-gast"
data_directory = "{self._data}"

[portal]
host_name = "wifi.exempelby.example"
certificate_file = "/nowhere"
private_key_file = "/nowhere"

[database]
dsn = "{self._dsn}"

[[sites]]
id = "{SITE}"
name = "Exempelby stadsbibliotek"
login_methods = ["code"]

[radius]
addresses = ["127.0.0.1"]
authentication_port = {self.authentication_port}
accounting_port = {self.accounting_port}
health_port = {self._health_port}
workers = {self._workers}

[[radius.clients]]
name = "{CLIENT}"
networks = ["127.0.0.0/8"]
secret = "{SECRET.reveal().decode()}"
site = "{SITE}"
upload_kbit_s = 2000
download_kbit_s = 10000
"""

    async def _count(self) -> int:
        connection = await asyncpg.connect(self._dsn)
        kept = await connection.fetchval("SELECT count(*) FROM accounting_session")
        await connection.close()
        return int(kept)

    def _wait_until_ready(self) -> None:
        url, deadline = (
            f"http://127.0.0.1:{self._health_port}/readyz",
            monotonic() + START_TIMEOUT_S,
        )
        while True:
            try:
                with urlopen(url, timeout=2):
                    break
            except (URLError, OSError) as problem:
                if self._process.poll() is not None or monotonic() > deadline:
                    said = self._log.read_text(errors="replace")[-3000:]
                    raise LabError(f"kvar radius did not start:\n{said}") from problem
            sleep(0.05)
        # Only the first worker says when it is ready; the others start when it does.
        while len(_children(self._process.pid)) < self._workers - 1:
            sleep(0.05)
        sleep(WORKERS_START_S * (self._workers > 1))


async def admit(dsn: str, users: Sequence[User]) -> None:
    """Give every device a session."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_SESSIONS, [user.mac for user in users], SITE)
    await connection.execute("VACUUM ANALYZE live_session")
    await connection.close()


def _with_token(user: User, key: bytes, now: datetime) -> User:
    random = token_bytes(login_token.RANDOM_BYTES)
    login = login_token.issue(key, MacAddress(user.mac), CLIENT, now, random)
    return User(login.user_name, login.password.reveal(), user.mac)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
