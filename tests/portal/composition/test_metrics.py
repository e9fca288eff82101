"""What the running processes tell Prometheus."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from portal.storage.database import Database
from tests.portal.installation import PROCESSES, Installation, installed, samples
from tests.portal.storage.clusters import eventually

CARD, PIN, BLOCKED = "20000000000001", "1234", "20000000000002"
LABELS = {
    "site", "method", "outcome", "reason", "state", "kind", "neighbour", "process", "version", "le",
}  # fmt: skip
"""Every label that there may be: none of them can name a person or a device."""


@pytest.fixture
async def kvar(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(postgres_dsn, tmp_path) as running:
        yield running


async def test_what_happens_is_counted(kvar: Installation, database: Database) -> None:
    await kvar.log_in(CARD, "9999", guest=2)
    await kvar.log_in("2000", PIN, guest=2)
    await kvar.log_in(CARD, PIN, guest=2)
    await kvar.log_in(BLOCKED, "2345", guest=3)
    portal = samples(await kvar.metrics("portal"))

    def tries(method: str, outcome: str, reason: str) -> float:
        labels = f'method="{method}",outcome="{outcome}",reason="{reason}",site="city"'
        return portal[f"kvar_sign_ins_total{{{labels}}}"]

    assert tries("card", "refused", "cred.wrong") == 1
    assert tries("card", "mistyped", "card.format") == 1
    assert tries("card", "refused", "card.blocked") == 1
    assert tries("card", "admitted", "") == 1
    assert portal['kvar_time_to_online_seconds_count{method="card",site="city"}'] == 1
    assert portal['kvar_library_checks_total{outcome="ok"}'] == 1
    assert portal["kvar_library_check_seconds_count"] == 3
    assert portal["kvar_library_breaker_open"] == 0
    assert portal['kvar_neighbour_up{neighbour="database"}'] == 1

    await eventually(lambda: _is(kvar, 'kvar_sessions_online{site="city"}', 1))
    keeper = samples(await kvar.metrics("keeper"))
    assert keeper['kvar_sessions_online{site="branch"}'] == 0
    assert keeper["kvar_gate_in_step"] == 1
    assert keeper["kvar_gate_devices"] == 1
    assert keeper["kvar_gate_simulated"] == 1
    assert keeper["kvar_gate_healed_total"] == 0
    assert keeper["kvar_keeper_comparison_timestamp_seconds"] > 0
    assert keeper["kvar_keeper_purge_timestamp_seconds"] > 0
    assert keeper["kvar_keeper_resyncs_total"] == 1

    await database.fetch(
        "INSERT INTO fault_report (at, site_id, kind, words, facts, by)"
        " VALUES (now(), 'city', 'slow', '', '{}', 'anna')"
    )
    await database.fetch("INSERT INTO event (at, kind, site_id) VALUES (now(), 'clock_jumped', '')")
    keeper = samples(await kvar.metrics("keeper"))
    assert keeper['kvar_fault_reports_open{site="city",state="new"}'] == 1
    assert keeper['kvar_alarms{kind="clock_jumped",site=""}'] == 1


async def test_neighbours_that_are_away_are_told_of_and_nothing_else_is_said_of_them(
    kvar: Installation, postgres_cluster: str, postgres_dsn: str
) -> None:
    await kvar.stop("library")
    for _ in range(3):
        await kvar.log_in(CARD, PIN, guest=4)
    portal = samples(await kvar.metrics("portal"))
    assert portal["kvar_library_breaker_open"] == 1
    assert portal['kvar_library_checks_total{outcome="unavailable"}'] == 3

    await _break_database(postgres_cluster, postgres_dsn)
    keeper = samples(await kvar.metrics("keeper"))
    assert keeper['kvar_neighbour_up{neighbour="database"}'] == 0
    assert not any(name.startswith("kvar_sessions_online") for name in keeper)
    assert keeper["kvar_gate_devices"] == 0


async def test_labels_name_nobody(kvar: Installation) -> None:
    await kvar.log_in(CARD, PIN, guest=5)
    for process in PROCESSES:
        exposed = await kvar.metrics(process)
        ours = "\n".join(line for line in exposed.splitlines() if line.startswith("kvar_"))
        assert set(re.findall(r'[{,](\w+)="', ours)) <= LABELS
        assert not re.search(r"([0-9a-f]{2}:){5}|\d{6,}\"|(\d+\.){3}\d", ours)
        for line in exposed.splitlines():
            if line.startswith("# HELP kvar_"):
                assert len(line.split(" ", 3)[3]) > 10


async def test_a_port_that_is_taken_does_not_keep_the_keeper_from_its_work(
    kvar: Installation,
) -> None:
    """A second keeper on this machine ends visits on time all the same."""
    process = await asyncio.create_subprocess_exec(
        *kvar.kvar, "keeper", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while b"health_not_served" not in (line := await process.stderr.readline()):
            assert line, "the keeper ended"
        assert process.returncode is None
    finally:
        process.terminate()
        await process.communicate()


async def _is(kvar: Installation, name: str, value: float) -> bool:
    return samples(await kvar.metrics("keeper")).get(name) == value


async def _break_database(cluster: str, dsn: str) -> None:
    """Let nobody connect any more, and end every connection."""
    name = re.sub(r"^.*/(\w+)\?.*$", r"\1", dsn.partition("?")[0] + "?")
    connection = await asyncpg.connect(cluster)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
    finally:
        await connection.close()
