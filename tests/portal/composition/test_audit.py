"""The command that verifies the record, on a real PostgreSQL."""

from datetime import datetime
from pathlib import Path

import pytest

from portal.composition import audit
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.domain.audit_chain import Act, Deed, Reason
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database

EXAMPLE = Path(__file__).parents[3] / "deploy" / "kvar.toml"


@pytest.fixture
def config(postgres_dsn: str, tmp_path: Path) -> Config:
    text = EXAMPLE.read_text("utf-8").replace("/var/lib/kvar", str(tmp_path))
    return parse(text.replace('dsn = ""', f'dsn = "{postgres_dsn}"'), EXAMPLE)


async def test_the_record_is_whole_until_a_row_is_changed(
    config: Config, database: Database, now: datetime
) -> None:
    assert await audit.verify(config) == "the record is whole: 0 rows"
    for case in ("1", "2"):
        deed = Deed(now, "kim", Act.EXPORT, Reason.OWN_REQUEST, case, "sessions", 3)
        row = await PostgresAudit(database).write(deed)
    assert await audit.verify(config) == (
        f"the record is whole: 2 rows; the first, 1, is of {now:%Y-%m-%d};"
        f" the last, 2, has {row.hash.hex()}"
    )
    await database.fetch("ALTER TABLE audit DISABLE TRIGGER ALL")
    await database.fetch("UPDATE audit SET found = 0 WHERE number = 1")
    with pytest.raises(StartError, match="row 1 was changed"):
        await audit.verify(config)


async def test_without_a_database_nothing_is_said(tmp_path: Path) -> None:
    away = parse(
        EXAMPLE.read_text("utf-8")
        .replace("/var/lib/kvar", str(tmp_path))
        .replace('dsn = ""', 'dsn = "postgresql://127.0.0.1:1/kvar"'),
        EXAMPLE,
    )
    with pytest.raises(StartError, match="cannot be asked"):
        await audit.verify(away)
