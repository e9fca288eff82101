"""The commands for accounting that the database refused, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.composition import refused_accounting
from portal.composition.database import journal_directory
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.storage.accounting_journal import DiskJournal
from portal.storage.database import Database
from tests.portal.services.test_accounting import told, total

EXAMPLE = Path(__file__).parents[3] / "deploy" / "kvar.toml"
BROKEN = told(5, 9, number=2)._replace(access_point="ap\0")  # no text of PostgreSQL's


def configured(dsn: str, directory: Path) -> Config:
    text = EXAMPLE.read_text("utf-8").replace("/var/lib/kvar", str(directory))
    return parse(text.replace('dsn = ""', f'dsn = "{dsn}"'), EXAMPLE)


@pytest.fixture
def config(postgres_dsn: str, tmp_path: Path) -> Config:
    return configured(postgres_dsn, tmp_path)


async def test_what_was_refused_is_listed_tried_and_given_up(
    config: Config, database: Database
) -> None:
    journal = DiskJournal(journal_directory(config))
    assert await refused_accounting.show(config) == "no accounting waits on disk"
    before = datetime.now(UTC) - timedelta(seconds=1)
    await journal.keep([told(5, 100), BROKEN])
    [name] = await journal.waiting()
    [batch] = await journal.batches()
    assert before < batch.kept_at < datetime.now(UTC)
    line = await refused_accounting.show(config)
    assert line.startswith(f"{name}  ")
    assert line.endswith("2 records of ap, ap\0")
    with pytest.raises(StartError, match="1 are written and 1 refused") as refused:
        await refused_accounting.retry(config, name)
    assert "2026-11-26 12:05:00 UTC  " in str(refused.value), "why"
    assert "02:00:5e" not in str(refused.value), "no device"
    assert await journal.waiting() == [name]
    assert (await refused_accounting.drop(config, name)).endswith("1 written, 1 are given up")
    assert (await total(database), await journal.waiting()) == ([100], [])


async def test_what_can_be_written_now_is_written_once(config: Config, database: Database) -> None:
    journal = DiskJournal(journal_directory(config))
    await journal.keep([told(5, 100)])
    [name] = await journal.waiting()
    assert (await refused_accounting.retry(config, name)).endswith("the batch is gone")
    assert (await total(database), await journal.waiting()) == ([100], [])


async def test_what_cannot_be_read_can_only_be_given_up(config: Config) -> None:
    directory = journal_directory(config)
    journal = DiskJournal(directory)
    await journal.keep([told(5, 100)])
    [name] = await journal.waiting()
    (directory / name).write_text("{")
    assert await journal.read(name) is None, "set aside"
    assert (await refused_accounting.show(config)).endswith("cannot be read")
    with pytest.raises(StartError, match="cannot be read"):
        await refused_accounting.retry(config, name)
    assert (await refused_accounting.drop(config, name)).endswith("is gone")
    assert await refused_accounting.show(config) == "no accounting waits on disk"


@pytest.mark.parametrize("name", ["no-such-batch", "../../etc/passwd", "bad", ""])
async def test_only_a_batch_can_be_named(config: Config, name: str) -> None:
    await DiskJournal(journal_directory(config)).keep([told(5, 100)])
    for command in (refused_accounting.retry, refused_accounting.drop):
        with pytest.raises(StartError, match="no such batch"):
            await command(config, name)


async def test_without_a_database_nothing_is_given_up(tmp_path: Path) -> None:
    config = configured("postgresql://127.0.0.1:1/kvar", tmp_path)
    journal = DiskJournal(journal_directory(config))
    await journal.keep([told(5, 100)])
    [name] = await journal.waiting()
    with pytest.raises(StartError, match="cannot be asked"):
        await refused_accounting.drop(config, name)
    assert await journal.waiting() == [name]
