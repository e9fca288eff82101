"""`kvar keeper` with an address for the weekly letter: one goes out, however often it starts."""

from functools import partial
from pathlib import Path

from portal.storage.database import Database
from tests.portal.forwarding.mail_server import mail_server
from tests.portal.installation import installed
from tests.portal.storage.clusters import eventually

LETTERS = """
[privacy]
weekly_letter_to = "dso@exempelby.example"

[faults]
mail_from = "kvar@exempelby.example"
smtp_host = "127.0.0.1"
smtp_port = {port}
smtp_tls = false
"""


async def test_one_letter_a_week_however_often_the_keeper_starts(
    postgres_dsn: str, database: Database, tmp_path: Path
) -> None:
    async with mail_server() as server:
        more = LETTERS.format(port=server.port)
        for start in ("first", "second"):
            (tmp_path / start).mkdir()
            await database.fetch("DELETE FROM node_privacy")
            async with installed(postgres_dsn, tmp_path / start, more):
                await eventually(partial(_is_sent, database))
                await eventually(partial(_is_at_work, database))
        (letter,) = server.letters
    assert letter["To"] == "dso@exempelby.example"
    assert "Ingen har slagit upp" in letter.get_content()


async def _is_sent(database: Database) -> bool:
    rows = await database.fetch("SELECT FROM weekly_letter WHERE sent_at IS NOT NULL")
    return len(rows) == 1


async def _is_at_work(database: Database) -> bool:
    return bool(await database.fetch("SELECT FROM node_privacy"))
