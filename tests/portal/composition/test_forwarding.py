"""`kvar keeper` with a log collector, and what all processes write to their own log."""

import json
from datetime import timedelta
from functools import partial
from pathlib import Path

from portal.storage.database import Database
from portal.storage.outbox import PostgresOutbox
from tests.portal.forwarding.collector import collecting, make_keys
from tests.portal.installation import installed, samples
from tests.portal.storage.clusters import eventually

SYSLOG = """
[syslog]
host = "localhost"
port = {port}
kept_days = 90
ca_file = "{authority}"
facility = "auth"
"""


async def test_what_happens_reaches_the_collector(
    postgres_dsn: str, database: Database, tmp_path: Path
) -> None:
    keys = make_keys(tmp_path / "keys")
    async with collecting(keys) as collector:
        more = SYSLOG.format(port=collector.port, authority=keys.authority)
        async with installed(postgres_dsn, tmp_path, more) as kvar:
            await eventually(partial(_forwards, database))
            await kvar.log_in("20000000000001", "9999")
            await kvar.log_in("20000000000001", "1234")

            async def all_heard() -> bool:
                return len(collector.heard) >= 2

            await eventually(all_heard)

            async def all_counted() -> bool:
                told = samples(await kvar.metrics("keeper"))
                nothing_waits = told["kvar_syslog_waiting"] == 0
                return nothing_waits and told["kvar_syslog_sent_total"] == len(collector.heard)

            await eventually(all_counted)
            told = samples(await kvar.metrics("keeper"))
            log = (tmp_path / "log").read_text()
        assert collector.broken == []
        assert collector.kinds[:2] == ["sign_in_refused", "session_started"]
        assert {one.priority for one in collector.heard} == {4 * 8 + 5}
        assert collector.heard[0].data["reason"] == "cred.wrong"
        assert told["kvar_syslog_up"] == 1
        everything = json.dumps([one.data for one in collector.heard])
        assert "20000000000001" not in everything
        assert "02:00:" not in everything
    _is_json_lines(log)
    await PostgresOutbox(database).turn_off(timedelta(0))
    async with installed(postgres_dsn, tmp_path / "without") as kvar:
        await kvar.log_in("20000000000001", "1234", guest=9)
        assert not any("syslog" in name for name in samples(await kvar.metrics("keeper")))
    assert await PostgresOutbox(database).waiting() == 0


def _is_json_lines(log: str) -> None:
    lines = [line for line in log.splitlines() if line.startswith("{")]
    assert len(lines) > 5
    for line in lines:
        entry = json.loads(line)
        assert {"event", "level", "timestamp", "process"} <= entry.keys(), line
        assert entry["timestamp"].endswith("Z")
    rest = [line for line in log.splitlines() if not line.startswith("{")]
    assert rest == [f"demonstration library listens on 127.0.0.1 port {rest[0].split()[-1]}"]


async def _forwards(database: Database) -> bool:
    return bool(await database.fetch("SELECT FROM forwarding"))
