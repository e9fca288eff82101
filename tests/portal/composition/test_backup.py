"""``kvar backup`` and ``kvar restore``: what was there is there again, and what is due is not."""

import io
import os
import pwd
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import asyncpg
import pytest

from portal.backup.age import Decrypting, read_identities
from portal.backup.archive import read_keys
from portal.backup.shelf import KEYS_NAME, backups
from portal.clock import utc_now
from portal.composition.backup import back_up, make_key
from portal.composition.restore import Wish, put_back, try_out
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.services.key_ring import live_key_id, log_key_id
from portal.storage.database import Database
from portal.storage.dump import Target, look_at
from portal.storage.migrate import migrate, read_migrations
from tests.portal.storage.clusters import reachable_directory

TEXT = """
[organisation]
name = "Exempelby"
data_directory = "{directory}/data"
[portal]
host_name = "wifi.exempelby.example"
certificate_file = "{directory}/chain.pem"
private_key_file = "{directory}/key.pem"
[library_system]
host = "sip2.example.se"
login_password = "of-the-library-system"
[database]
dsn = "{dsn}"
[retention]
backups_days = 30
[backup]
directory = "{directory}/backups"
keep = 2
recipients = [{recipients}]
[[sites]]
id = "main"
name = "Biblioteket"
guest_interfaces = ["guest0"]
"""
OF_A_DEVICE = "02:00:5e:00:00:2a"
PAST = """
INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                          trace_key, device_trace)
VALUES (gen_random_uuid(), 'card', 'main', $1, $1, 'logged_out', 0, $2, sha256('x'))
"""
LIVE = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because, last_seen_at,
                          trace_key, device_trace)
VALUES (gen_random_uuid(), 'card', $1::text::macaddr, 'main', $2, $2::timestamptz + interval '5 h',
        'closing_time', $2, 'log-2026-w48', sha256('x'))
"""
STAFF = """
WITH account AS (
    INSERT INTO staff_account (id, name, roles, created_at)
    VALUES (gen_random_uuid(), 'kim', '{desk}', $1) RETURNING id)
INSERT INTO staff_session (id, token_hash, account_id, stage, started_at, last_used_at, ends_at,
                           label)
SELECT gen_random_uuid(), sha256('t'), id, 'open', $1, $1, $1::timestamptz + interval '8 h', 'Linux'
  FROM account
"""


LATER = "INSERT INTO schema_migration VALUES (9999, 'later.sql', '', now(), {needs})"
REFUSE_INDEXES = (
    "CREATE SCHEMA aside",
    """CREATE FUNCTION aside.no() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN IF tg_tag = 'CREATE INDEX' THEN RAISE 'not today'; END IF; END $$""",
    "CREATE EVENT TRIGGER no ON ddl_command_end EXECUTE FUNCTION aside.no()",
)


@dataclass(frozen=True)
class Library:
    """An installation with its database; ``directory`` holds all of its files."""

    directory: Path
    dsn: str
    recipient: str = ""

    def __post_init__(self) -> None:
        (self.keys).mkdir(parents=True, exist_ok=True)
        quoted = f'"{self.recipient}"' if self.recipient else ""
        self.file.write_text(TEXT.format(directory=self.directory, dsn=self.dsn, recipients=quoted))
        (self.directory / "key.pem").write_text("private")
        (self.directory / "key.pem").chmod(0o600)

    @property
    def file(self) -> Path:
        return self.directory / "kvar.toml"

    @property
    def keys(self) -> Path:
        return self.directory / "data" / "keys"

    @property
    def config(self) -> Config:
        return parse(self.file.read_text(), self.file)

    @property
    def newest(self) -> Path:
        return backups(self.directory / "backups")[-1].path

    def key(self, name: str, octet: bytes = b"k") -> Path:
        path = self.keys / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(octet * 32)
        return path

    async def back_up(self, later_s: int = 0) -> str:
        now = utc_now() + timedelta(seconds=later_s)
        return await back_up(self.config, self.file, now)

    @property
    def on_shelf(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.directory / "backups").iterdir()}

    def opened(self, file: BinaryIO, identity: Path) -> Decrypting:
        return Decrypting(file, read_identities(identity.read_text()))

    def say(self, old: str, new: str) -> None:
        self.file.write_text(self.file.read_text().replace(old, new))

    async def restore(self, identity: Path | None = None, *, replace: bool = False) -> str:
        return await put_back(self.file, Wish(self.newest, identity, replace=replace), utc_now())

    async def try_out(self, identity: Path | None = None) -> str:
        return await try_out(Wish(self.newest, identity), utc_now())


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return tmp_path / "identity"


@pytest.fixture
def library(postgres_dsn: str, tmp_path: Path, identity: Path) -> Library:
    recipient = make_key(identity).partition('recipients = ["')[2].partition('"')[0]
    return Library(tmp_path, postgres_dsn, recipient)


@pytest.fixture
async def empty_dsn(postgres_cluster: str) -> AsyncIterator[str]:
    """A database with nothing in it, as on a new machine."""
    connection = await asyncpg.connect(postgres_cluster)
    await connection.execute("CREATE DATABASE wiped")
    yield postgres_cluster.replace("/postgres?", "/wiped?")
    await connection.execute("DROP DATABASE wiped WITH (FORCE)")
    await connection.close()


async def write_a_day(library: Library) -> None:
    """A session that goes on, one of an hour ago, one that is due at the restore, and staff."""
    now = utc_now()
    async with Database(library.dsn, size=1, name="test") as database:
        await database.fetch(LIVE, OF_A_DEVICE, now)
        await database.fetch(PAST, now - timedelta(hours=1), log_key_id(now))
        await database.fetch(PAST, now - timedelta(days=40), "log-2020-w01")
        await database.fetch(STAFF, now)


async def rows(dsn: str, table: str) -> int:
    async with Database(dsn, size=1, name="test") as database:
        row = await database.fetch_row(f"SELECT count(*) AS count FROM {table}")  # noqa: S608
        assert row is not None
        return int(row["count"])


async def test_a_wiped_machine_gets_everything_back(
    library: Library, identity: Path, empty_dsn: str
) -> None:
    await write_a_day(library)
    live = library.key(live_key_id(utc_now()))
    said = await library.back_up()
    assert "1 keys" in said
    # the machine is gone: only the backups and the identity are left
    shutil.rmtree(library.directory / "data")
    (library.directory / "key.pem").unlink()
    library.say(library.dsn, empty_dsn)
    said = await library.restore(identity)
    assert "1 rows were over their period" in said
    assert live.read_bytes() == b"k" * 32
    assert live.stat().st_mode & 0o777 == 0o600
    assert (library.directory / "key.pem").read_text() == "private"
    assert (library.directory / "key.pem").stat().st_mode & 0o777 == 0o600
    counted = [await rows(empty_dsn, table) for table in ("live_session", "past_session")]
    assert counted == [1, 1]
    assert await rows(empty_dsn, "staff_account") == 1
    assert await rows(empty_dsn, "staff_session") == 0, "staff sign in anew"
    assert await migrate(empty_dsn, utc_now()) == [], "and the schema is this release's"


async def test_the_configuration_comes_from_the_backup_where_there_is_none(
    library: Library, identity: Path
) -> None:
    await library.back_up()
    library.file.unlink()
    said = await library.restore(identity, replace=True)
    assert f"{library.file} written" in said
    assert "of-the-library-system" in library.file.read_text()


async def test_a_backup_writes_no_file_outside_the_configurations_folder(
    library: Library, identity: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever knows the recipient can make a backup, and root restores it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "authorized_keys"
    elsewhere.write_text("ssh-ed25519 of somebody's")
    library.say(
        f'private_key_file = "{library.directory}/key.pem"', f'private_key_file = "{elsewhere}"'
    )
    await library.back_up()
    elsewhere.unlink()
    said = await library.restore(identity, replace=True)
    assert not elsewhere.exists()
    assert f"{elsewhere} not written" in said


async def test_a_backup_is_tried_without_touching_anything(
    library: Library, identity: Path
) -> None:
    await write_a_day(library)
    library.key("form")
    await library.back_up()
    said = await library.try_out(identity)
    assert "can be restored" in said
    assert "every table was counted; 1 keys with it" in said
    assert await rows(library.dsn, "past_session") == 2


async def test_the_server_cannot_read_its_own_backups(library: Library) -> None:
    await write_a_day(library)
    await library.back_up()
    data = library.newest.read_bytes()
    assert b"of-the-library-system" not in data
    assert b"live_session" not in data
    with pytest.raises(StartError, match="--identity"):
        await library.try_out()


async def test_without_a_recipient_no_key_leaves_its_folder(
    postgres_dsn: str, tmp_path: Path
) -> None:
    plain = Library(tmp_path, postgres_dsn)
    plain.key(live_key_id(utc_now()))
    said = await plain.back_up()
    assert "not encrypted and without the keys" in said
    assert not (tmp_path / "backups" / KEYS_NAME).exists()
    with tarfile.open(plain.newest) as tar:
        assert not [name for name in tar.getnames() if name.endswith(".key")]
    assert plain.newest.stat().st_mode & 0o777 == 0o600


async def test_a_destroyed_key_is_in_no_backup_after_the_next(
    library: Library, identity: Path
) -> None:
    """The old database backups stay: nobody can say any more whose that week's rows are."""
    week = library.key("log-2026-w40")
    library.key(live_key_id(utc_now()))
    await library.back_up()
    week.unlink()
    await library.back_up(later_s=2)
    assert len(backups(library.directory / "backups")) == 2
    assert len(library.on_shelf) == 3
    file = io.BytesIO(library.on_shelf[KEYS_NAME])
    assert list(read_keys(library.opened(file, identity))) == [f"{live_key_id(utc_now())}.key"]


async def test_a_key_whose_period_is_over_is_not_put_back(
    library: Library, identity: Path, empty_dsn: str
) -> None:
    """Somebody kept an old file of keys: what is due is destroyed before it stands anywhere."""
    library.key("log-2026-w01")
    kept = library.key(log_key_id(utc_now()))
    await library.back_up()
    shutil.rmtree(library.keys)
    library.file.write_text(TEXT.format(directory=library.directory, dsn=empty_dsn, recipients=""))
    await library.restore(identity)
    assert list(library.keys.iterdir()) == [kept]


async def test_weeks_keys_can_be_left_out(library: Library) -> None:
    library.say("keep = 2", "keep = 2\nweek_keys = false")
    library.key(log_key_id(utc_now()))
    library.key(f"count-{utc_now():%Y-%m-%d}")
    library.key("form")
    assert "1 keys" in await library.back_up()


async def test_what_stands_is_not_overwritten_unless_told(library: Library, identity: Path) -> None:
    await write_a_day(library)
    live = library.key(live_key_id(utc_now()))
    await library.back_up()
    with pytest.raises(StartError, match="the database is not empty"):
        await library.restore(identity)
    live.write_bytes(b"n" * 32)
    with pytest.raises(StartError, match="other keys than the backup"):
        await library.restore(identity)
    await library.restore(identity, replace=True)
    assert live.read_bytes() == b"k" * 32
    await library.back_up(later_s=2)
    await library.restore(identity, replace=True)  # of a database that was restored
    assert await rows(library.dsn, "live_session") == 1


async def test_while_kvar_runs_nothing_is_restored(library: Library, identity: Path) -> None:
    await library.back_up()
    async with Database(library.dsn, size=1, name="kvar keeper") as database:
        await database.fetch("SELECT 1")
        with pytest.raises(StartError, match=r"Kvar is running \(kvar keeper\)"):
            await library.restore(identity, replace=True)


async def test_a_restore_that_fails_leaves_what_stood_there(
    library: Library, identity: Path
) -> None:
    await write_a_day(library)
    await library.back_up()
    async with Database(library.dsn, size=1, name="test") as database:
        await database.fetch("CREATE TABLE later (id integer)")
        for statement in REFUSE_INDEXES:
            await database.fetch(statement)
    with pytest.raises(StartError, match="not today"):
        await library.restore(identity, replace=True)
    assert await rows(library.dsn, "past_session") == 2
    assert await rows(library.dsn, "later") == 0


async def test_a_backup_of_a_newer_release_is_refused(library: Library, identity: Path) -> None:
    async with Database(library.dsn, size=1, name="test") as database:
        await database.fetch(LATER.format(needs=0))
    await library.back_up()
    await library.restore(identity, replace=True)  # the next release, and the way back from it
    async with Database(library.dsn, size=1, name="test") as database:
        await database.fetch("DELETE FROM schema_migration WHERE version = 9999")
        await database.fetch(LATER.format(needs=9999))
    await library.back_up(later_s=2)
    with pytest.raises(StartError, match="only programs that know migration 9999"):
        await library.restore(identity, replace=True)


async def test_an_older_releases_backup_is_brought_up_to_date(
    library: Library, identity: Path, empty_dsn: str
) -> None:
    await migrate(empty_dsn, utc_now(), read_migrations()[:3])
    library.say(library.dsn, empty_dsn)
    await library.back_up()
    library.say(empty_dsn, library.dsn)
    assert "schema 3;" in await library.restore(identity, replace=True)
    assert await migrate(library.dsn, utc_now()) == []


async def test_no_password_is_in_any_argument_or_environment(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = subprocess.Popen

    def spy(command: list[str], **options: object) -> object:
        seen.append(f"{command} {options.get('env')}")
        return real(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("portal.storage.dump.subprocess.Popen", spy)
    library.say("postgresql://kvar@", "postgresql://kvar:p%40ss@")
    await library.back_up()
    assert any("pg_dump" in command for command in seen)
    assert not [command for command in seen if "p@ss" in command or "p%40ss" in command]


async def test_a_database_that_is_away_leaves_the_earlier_backups(library: Library) -> None:
    await library.back_up()
    before = library.on_shelf
    library.say(library.dsn, "postgresql://x@/x?host=/nowhere")
    with pytest.raises(StartError, match="earlier ones still stand"):
        await library.back_up()
    assert library.on_shelf == before


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    said = make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert "AGE-SECRET-KEY" not in said
    with pytest.raises(StartError, match="nothing was written"):
        make_key(tmp_path / "key")


@pytest.mark.root
async def test_root_speaks_to_the_database_as_the_keys_owner(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's peer authentication knows users by their names, and root is none of its own."""
    with reachable_directory() as directory:
        identity = directory / "identity"
        recipient = make_key(identity).partition('recipients = ["')[2].partition('"')[0]
        library = Library(directory, postgres_dsn, recipient)
        shutil.chown(library.keys, "postgres")
        key = library.key("form")
        await library.back_up()
        key.unlink()
        seen: list[int] = []

        async def look(dsn: str) -> Target:
            seen.append(os.geteuid())
            return await look_at(dsn)

        monkeypatch.setattr("portal.composition.restore.look_at", look)
        await library.restore(identity, replace=True)
        assert [pwd.getpwuid(uid).pw_name for uid in seen] == ["postgres"]
        assert key.owner() == "postgres"
        assert os.geteuid() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "backups"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "kvar-test", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.root
async def test_a_full_disk_leaves_the_old_backup(small_disk: Path, library: Library) -> None:
    await library.back_up()
    before = library.on_shelf
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    filler = small_disk / "filler"
    filler.write_bytes(bytes(free - 16_384))
    with pytest.raises(StartError, match="No space left on device; the earlier ones still stand"):
        await library.back_up()
    filler.unlink()
    assert library.on_shelf == before
    await library.back_up(later_s=2)
    assert len(backups(small_disk)) == 2
