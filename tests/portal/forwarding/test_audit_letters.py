"""The weekly letter to the data protection contact: real SMTP, a real PostgreSQL, several nodes."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from portal.domain.audit_chain import BEFORE_ALL, Act, Broken, Deed, Fault, Reason, Whole
from portal.domain.audit_letter import ActCount, WeekOfRecord, bounds, newest_due
from portal.forwarding.audit_letter import WORDS, AuditMail, to_letter
from portal.forwarding.mail import MailServer
from portal.services.audit_letters import LEASE, AuditLetters
from portal.services.ports.letters import LetterBox, LetterNotTakenError
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database
from portal.storage.letters import PostgresLetters
from tests.portal.forwarding.mail_server import mail_server

ZONE = ZoneInfo("Europe/Stockholm")
MONDAY = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
"""Half past six, where the library is."""


@dataclass
class Time:
    now: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Box:
    """Takes letters, or does not."""

    is_away: bool = False
    taken: list[WeekOfRecord] = field(default_factory=list)

    async def post(self, told: WeekOfRecord) -> None:
        await asyncio.sleep(0.01)
        if self.is_away:
            raise LetterNotTakenError("ConnectionRefusedError")
        self.taken.append(told)


def node(database: Database, box: LetterBox, time: Time, name: str = "one") -> AuditLetters:
    letters, record = PostgresLetters(database), PostgresAudit(database)
    return AuditLetters(letters, record, box, ZONE, name, time)


async def did(database: Database, act: Act, at: datetime, by: str = "ida", found: int = 3) -> None:
    deed = Deed(at, by, act, Reason.ABUSE, "2026-118", "D-A06D6BA3", found)
    await PostgresAudit(database).write(deed)


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 11, 23, 4, 59, tzinfo=UTC), date(2026, 11, 9)),
        (datetime(2026, 11, 23, 5, 0, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 29, 22, 59, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 29, 23, 1, tzinfo=UTC), date(2026, 11, 16)),  # Monday, and too early
    ],
)
def test_a_week_is_due_on_monday_at_six_local(now: datetime, week: date) -> None:
    assert newest_due(now, ZONE) == week


def test_a_week_is_the_organisations_own() -> None:
    since, until = bounds(date(2026, 10, 19), ZONE)
    assert until.astimezone(UTC) - since.astimezone(UTC) == timedelta(weeks=1, hours=1)


async def test_a_week_is_told_once_by_whichever_node(database: Database) -> None:
    await did(database, Act.REVEAL, datetime(2026, 11, 15, 22, 59, tzinfo=UTC))  # the week before
    await did(database, Act.LOOK_UP, datetime(2026, 11, 18, 9, tzinfo=UTC))
    await did(database, Act.LOOK_UP, datetime(2026, 11, 19, 9, tzinfo=UTC), found=4)
    await did(database, Act.EXPORT, datetime(2026, 11, 22, 22, 59, tzinfo=UTC), "eva", 800)
    box, time = Box(), Time()
    nodes = [node(database, box, time, name) for name in ("one", "two", "three")]
    for _ in range(3):
        await asyncio.gather(*(one.send_due() for one in nodes))
    (told,) = box.taken
    assert told.week == date(2026, 11, 16)
    assert told.counts == [
        ActCount("export", "abuse", "eva", 1, 800),
        ActCount("look_up", "abuse", "ida", 2, 7),
    ]
    assert isinstance(told.verdict, Whole)
    time.now += timedelta(days=2)
    await node(database, box, time, "after a restart").send_due()
    assert len(box.taken) == 1
    time.now = MONDAY + timedelta(weeks=1)
    await nodes[2].send_due()
    assert [one.week.day for one in box.taken] == [16, 23]
    assert box.taken[1].counts == [], "that nothing happened is told too"
    (row,) = await database.fetch("SELECT * FROM weekly_letter WHERE week = '2026-11-16'")
    assert row["sent_at"] == MONDAY
    assert '"look_up": 2' in row["told"]


async def test_a_mail_server_that_is_away_is_tried_again_and_no_week_is_lost(
    database: Database,
) -> None:
    box, time = Box(is_away=True), Time()
    one, two = node(database, box, time), node(database, box, time, "two")
    await one.send_due()
    box.is_away = False
    await two.send_due()
    assert box.taken == [], "it is the first node's, until the lease is over"
    time.now += LEASE
    await two.send_due()
    assert len(box.taken) == 1
    box.is_away = True
    for days in range(1, 15):
        time.now = MONDAY + timedelta(days=days)
        await one.send_due()
    box.is_away = False
    time.now += LEASE
    await two.send_due()
    assert [one.week.day for one in box.taken] == [16, 23, 30]


async def test_after_a_long_stop_eight_weeks_are_told_and_at_first_one(database: Database) -> None:
    box, time = Box(), Time()
    one = node(database, box, time)
    await one.send_due()
    assert len(box.taken) == 1
    time.now += timedelta(weeks=30)
    await one.send_due()
    assert len(box.taken) == 9


async def test_what_the_reader_gets_over_smtp(database: Database) -> None:
    await did(database, Act.REVEAL, datetime(2026, 11, 18, 9, tzinfo=UTC))
    await did(database, Act.ERASE, datetime(2026, 11, 18, 9, tzinfo=UTC), "noor", 12)
    letter = await _sent(database)
    assert letter["Subject"] == "Kvar: uppslag om besökare vecka 2026-W47, Exempelby"
    assert (letter["To"], letter["Auto-Submitted"]) == ("dso@exempelby.example", "auto-generated")
    text = letter.get_content().replace("\r\n", "\n")
    assert "öppnade ett förseglat kortnummer: 1 (3 rader visade)" in text
    assert (
        "  noor\n    raderade det som fanns om någon\n      missbruk: 1 (12 rader visade)" in text
    )
    assert "2026-118" not in text, "no case"
    assert "D-A06D6BA3" not in text, "no guest"
    (row,) = await database.fetch("SELECT hash FROM audit ORDER BY number DESC LIMIT 1")
    assert row["hash"].hex() in text
    assert all(len(line) <= 78 for line in text.splitlines())


async def _sent(database: Database) -> EmailMessage:
    async with mail_server() as server:
        box = AuditMail(
            MailServer("127.0.0.1", server.port, starttls=False),
            *("kvar@exempelby.example", "dso@exempelby.example", "Exempelby", "sv"),
        )
        server.refuses = True
        time = Time()
        await node(database, box, time).send_due()
        assert server.letters == []
        server.refuses, time.now = False, MONDAY + LEASE
        await node(database, box, time).send_due()
        (letter,) = server.letters
        return letter


@pytest.mark.parametrize("language", list(WORDS))
def test_every_act_and_reason_has_its_word_and_what_is_broken_is_told(language: str) -> None:
    words = WORDS[language]
    assert words.keys() == WORDS["sv"].keys()
    assert {*Act, *Reason} <= words.keys()
    told = WeekOfRecord(date(2026, 11, 16), [], Broken(7, Fault.CHANGED))
    text = to_letter(told, "Exempelby\nkommun", words).get_content()
    assert words["broken"].format(number=7) in text
    assert words["none"] in text
    whole = WeekOfRecord(date(2026, 11, 16), [], Whole(0, 0, BEFORE_ALL))
    assert BEFORE_ALL.hex() not in to_letter(whole, "Exempelby", words).get_content()


def test_words_of_another_release_stand_as_they_are() -> None:
    counts = [ActCount("hum", "because", "ida", 1, 2)]
    told = WeekOfRecord(date(2026, 11, 16), counts, Whole(0, 0, BEFORE_ALL))
    assert "hum" in to_letter(told, "Exempelby", WORDS["en"]).get_content()
