"""The peer of the RADIUS benchmark: FreeRADIUS 3.2 as Debian ships it, never the system's service.

Each case is a process of its own with a configuration directory of its own: a users file in memory,
rlm_sql with its stock schema and queries, the same with its group queries off, accounting by
rlm_sql. All use the PostgreSQL that Kvar uses, in a database of their own. Everything that is not
named here is as in Debian's radiusd.conf.
"""

import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Self
from urllib.parse import parse_qs, urlsplit

import asyncpg

from bench.radius_packets import SECRET, User
from firewall.lab.processes import LabError, stop

STOCK = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql")
"""Where Debian's freeradius-postgresql puts schema.sql and queries.conf."""

DATABASE = "freeradius"
REPLIES = (
    ("Session-Timeout", "3600"),
    ("Acct-Interim-Interval", "300"),
    ("WISPr-Bandwidth-Max-Down", "10000000"),
)
START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration. ``source`` is the module that knows users or keeps accounting."""

    name: str
    source: str
    is_accounting: bool = False
    asks_groups: bool = True
    """rlm_sql's stock setting; off, it asks two statements a login instead of three."""


FILES = Case("files", "files")
SQL = Case("sql", "sql")
TUNED = Case("sql_tuned", "sql", asks_groups=False)
ACCOUNTING = Case("accounting", "sql", is_accounting=True)


class FreeRadius:
    """One running server on a port of its own."""

    def __init__(self, case: Case, directory: Path, dsn: str, users: Sequence[User]) -> None:
        self.case = case
        self.port = free_port()
        self._directory = directory / case.name
        self._open = ExitStack()
        self._directory.mkdir()
        (self._directory / "users").write_text("".join(map(_users_entry, users)))
        (self._directory / "radiusd.conf").write_text(
            _configuration(case, self._directory, self.port, dsn)
        )

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def __enter__(self) -> Self:
        command = ["freeradius", "-f", "-d", str(self._directory), "-n", "radiusd"]
        log = self._open.enter_context((self._directory / "output").open("wb"))
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._open.callback(stop, self._process)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _wait(self) -> None:
        deadline, log = monotonic() + START_TIMEOUT_S, self._directory / "radius.log"
        while not (log.exists() and "Ready to process requests" in log.read_text()):
            if self._process.poll() is not None or monotonic() > deadline:
                said = (self._directory / "output").read_text()
                more = log.read_text() if log.exists() else ""
                raise LabError(f"FreeRADIUS ({self.case.name}) did not start:\n{said}{more}")
            sleep(0.05)


async def prepare_database(dsn: str, users: Sequence[User]) -> None:
    """Make FreeRADIUS's database beside Kvar's: the stock schema, one check and three replies."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()
    connection = await asyncpg.connect(dsn, database=DATABASE)
    await connection.execute((STOCK / "schema.sql").read_text())
    checks = [(user.name, "Cleartext-Password", ":=", user.password) for user in users]
    replies = [(user.name, name, "=", value) for user in users for name, value in REPLIES]
    columns = ("username", "attribute", "op", "value")
    await connection.copy_records_to_table("radcheck", records=checks, columns=columns)
    await connection.copy_records_to_table("radreply", records=replies, columns=columns)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def sessions_kept(dsn: str) -> int:
    """Return how many sessions its accounting holds."""
    connection = await asyncpg.connect(dsn, database=DATABASE)
    kept = await connection.fetchval("SELECT count(*) FROM radacct")
    await connection.close()
    return int(kept)


def free_port() -> int:
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _users_entry(user: User) -> str:
    replies = ",\n".join(f"\t{name} = {value}" for name, value in REPLIES)
    return f'"{user.name}" Cleartext-Password := "{user.password}"\n{replies}\n'


def _configuration(case: Case, directory: Path, port: int, dsn: str) -> str:
    module = _sql_module(case, dsn) if case.source == "sql" else _files_module(directory)
    return f"""
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {directory}
confdir = ${{raddbdir}}
logdir = {directory}
run_dir = {directory}
pidfile = {directory}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
proxy_requests = no
log {{
  destination = files
  file = {directory}/radius.log
  auth = no
}}
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = yes
  allow_vulnerable_openssl = yes
}}
thread pool {{
  start_servers = 5
  max_servers = 32
  min_spare_servers = 3
  max_spare_servers = 10
  max_requests_per_server = 0
}}
client benchmark {{
  ipaddr = 127.0.0.1
  secret = {SECRET.reveal().decode()}
  require_message_authenticator = {"no" if case.is_accounting else "yes"}
}}
modules {{
  expr {{ }}
  chap {{ }}
  pap {{ }}
  always ok {{
    rcode = ok
  }}
{module}
}}
{_accounting_server(port) if case.is_accounting else _login_server(case, port)}
"""


def _files_module(directory: Path) -> str:
    return f"  files {{\n    usersfile = {directory}/users\n  }}"


def _sql_module(case: Case, dsn: str) -> str:
    """Over the Unix socket, where it is faster than over TCP to 127.0.0.1."""
    address = urlsplit(dsn)
    sockets, role = parse_qs(address.query)["host"][0], address.username
    groups = "yes" if case.asks_groups else "no"
    return f"""
  sql {{
    dialect = "postgresql"
    driver = "rlm_sql_postgresql"
    server = "{sockets}"
    login = "{role}"
    radius_db = "{DATABASE}"
    acct_table1 = "radacct"
    acct_table2 = "radacct"
    postauth_table = "radpostauth"
    authcheck_table = "radcheck"
    groupcheck_table = "radgroupcheck"
    authreply_table = "radreply"
    groupreply_table = "radgroupreply"
    usergroup_table = "radusergroup"
    client_table = "nas"
    group_attribute = "SQL-Group"
    delete_stale_sessions = yes
    read_groups = {groups}
    read_profiles = {groups}
    pool {{
      start = 5
      min = 3
      max = 32
      spare = 10
      uses = 0
      retry_delay = 30
      lifetime = 0
      idle_timeout = 60
    }}
    $INCLUDE {STOCK}/queries.conf
  }}"""


def _login_server(case: Case, port: int) -> str:
    return f"""
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    chap
    {case.source}
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
  }}
}}"""


def _accounting_server(port: int) -> str:
    """The unique id of a session is computed by the expression in Debian's policy.d/accounting."""
    nas = "%{%{NAS-IPv6-Address}:-%{NAS-IP-Address}},%{NAS-Identifier},%{NAS-Port-ID},%{NAS-Port}"
    return f"""
server default {{
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {port}
  }}
  preacct {{
    update request {{
      &Acct-Unique-Session-Id := "%{{md5:%{{User-Name}},%{{Acct-Session-ID}},{nas}}}"
    }}
  }}
  accounting {{
    sql
    ok
  }}
}}"""
