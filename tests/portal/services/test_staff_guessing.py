"""Guessing at staff's passwords and codes: T30, T31. Real argon2id, a real PostgreSQL."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher

from portal.domain.identity import Secret
from portal.domain.staff_account import Account, Role
from portal.domain.staff_limits import LONGEST_PAUSE
from portal.domain.staff_session import StaffSession, Stage
from portal.services.key_files import KeyRingError
from portal.services.ports import Kept
from portal.services.ports.staff import NewSecondFactor
from portal.services.staff.administration import Administration, Grants
from portal.services.staff.attempts import MustWait, StaffAttemptDesk
from portal.services.staff.doors import Asker, Begun, StaffDoors, token_hash
from portal.services.staff.enrolment import Enrolment
from portal.services.staff.passwords import MOST_WAITING, Passwords
from portal.services.staff.sign_in import PasswordMethod, SignInRefusal, StaffSignIn
from portal.storage.database import Database
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.web.staff.staff_under_test import PASSWORD, QUICK, compose

HOME, ATTACKER = Asker("10.9.0.7", "Windows"), Asker("10.9.0.66", "Linux")
SECRET = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
SECOND = timedelta(seconds=1)


@pytest.fixture
async def staff(database: Database, tmp_path: Path, now: datetime) -> StaffDoors:
    doors = compose(database, tmp_path / "keys")
    for name in ("kim", "sam"):
        await Administration(doors, "root").create(name, Grants((Role.DESK,)), None, now)
        account = await account_of(doors, name)
        await doors.accounts.set_password(account.id, await doors.passwords.hash(Secret(PASSWORD)))
        sealed = doors.keys.seal.close(SECRET, account.id.bytes)
        await doors.accounts.set_second_factor(account.id, NewSecondFactor(sealed, 0, []))
    return doors


async def account_of(doors: StaffDoors, name: str) -> Account:
    found = await doors.accounts.credentials(name)
    assert found is not None
    return found.account


def desk_of(doors: StaffDoors) -> StaffSignIn:
    attempts = StaffAttemptDesk(doors)
    return StaffSignIn(doors, attempts, {"password": PasswordMethod(doors, attempts)})


async def give(
    sign_in: StaffSignIn, name: str, password: str, asker: Asker, now: datetime
) -> Begun | MustWait | SignInRefusal:
    return await sign_in.begin("password", {"name": name, "password": password}, asker, now)


async def half_way(sign_in: StaffSignIn, name: str, asker: Asker, now: datetime) -> StaffSession:
    begun = await give(sign_in, name, PASSWORD, asker, now)
    assert isinstance(begun, Begun)
    assert begun.stage is Stage.CODE
    session = await sign_in.doors.sessions.find(token_hash(begun.token.reveal()))
    assert session is not None
    return session


def code_at(now: datetime) -> str:
    return pyotp.TOTP(SECRET.reveal()).at(now)


async def test_ten_thousand_passwords(staff: StaffDoors, now: datetime) -> None:
    """T31: one a second from one address: few are looked at, the alarm is raised, nobody is out."""
    sign_in = desk_of(staff)
    session = await half_way(sign_in, "kim", HOME, now)
    assert isinstance(await sign_in.with_code(session, code_at(now), HOME, now), Begun)

    checked = 0
    for number in range(10_000):
        at = now + number * SECOND
        outcome = await give(sign_in, "kim", f"gissning {number}", ATTACKER, at)
        assert not isinstance(outcome, Begun)
        checked += outcome is SignInRefusal.WRONG
        if number % 1000 == 500:  # the owner, at the address that is known to the account
            await half_way(sign_in, "kim", HOME, at)
    assert checked < 25

    end = now + 10_000 * SECOND
    outcome = await give(sign_in, "kim", PASSWORD, ATTACKER, end)
    assert isinstance(outcome, MustWait)
    assert outcome.until <= end + LONGEST_PAUSE
    await half_way(sign_in, "kim", ATTACKER, outcome.until)  # the right password, a little later
    rows = await staff_events(staff, "many_wrong_staff_sign_ins")
    assert 1 <= len(rows) <= 10_000 / 600 + 1


async def staff_events(staff: StaffDoors, kind: str) -> list[object]:
    database: Database = staff.events._database  # type: ignore[attr-defined]
    return [
        json.loads(row["detail"])
        for row in await database.fetch("SELECT detail::text FROM event WHERE kind = $1", kind)
    ]


async def test_ten_thousand_codes(staff: StaffDoors, now: datetime) -> None:
    """T30: the password is known to the attacker, and the codes are tried one a second."""
    sign_in = desk_of(staff)
    looked_at, at, session = 0, now, None
    for number in range(10_000):
        at = now + number * SECOND
        if number % 500 == 0:  # half way in lasts ten minutes
            session = await half_way(sign_in, "kim", ATTACKER, at)
        assert session is not None
        outcome = await sign_in.with_code(session, "abcdef"[number % 6] + "00000", ATTACKER, at)
        assert not isinstance(outcome, Begun)
        looked_at += outcome is SignInRefusal.CODE_WRONG
    assert looked_at < 25
    assert await staff_events(staff, "many_wrong_staff_sign_ins")


@pytest.mark.usefixtures("staff")
async def test_two_hundred_guesses_at_the_same_moment(
    postgres_dsn: str, tmp_path: Path, now: datetime
) -> None:
    async with Database(postgres_dsn, size=20) as database:
        sign_in = desk_of(compose(database, tmp_path / "keys"))
        tries = (give(sign_in, "kim", f"gissning {n}", ATTACKER, now) for n in range(200))
        outcomes = await asyncio.gather(*tries)
    assert sum(outcome is SignInRefusal.WRONG for outcome in outcomes) == 5


async def test_one_password_on_many_names(staff: StaffDoors, now: datetime) -> None:
    sign_in = desk_of(staff)
    outcomes = [
        await give(sign_in, f"name{number}", "sommar 2026 igen", ATTACKER, now)
        for number in range(500)
    ]
    assert sum(outcome is SignInRefusal.WRONG for outcome in outcomes) == 20
    assert not isinstance(await give(sign_in, "sam", PASSWORD, HOME, now), MustWait)


async def test_a_right_password_clears_what_was_mistyped_here(
    staff: StaffDoors, now: datetime
) -> None:
    sign_in = desk_of(staff)
    for _ in range(3):
        for _ in range(4):
            assert await give(sign_in, "kim", "fel", HOME, now) is SignInRefusal.WRONG
        await half_way(sign_in, "kim", HOME, now)


class Counting(Passwords):
    """Notes what is checked against which kind of hash."""

    def __init__(self) -> None:
        super().__init__(QUICK)
        self.costs: list[str] = []

    def _matches(self, stored: str, password: Secret) -> bool:
        self.costs.append("$".join(stored.split("$")[:4]))
        return super()._matches(stored, password)


async def test_a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has(
    staff: StaffDoors, now: datetime
) -> None:
    """The same work, whatever is wrong: one argon2id with the same parameters."""
    counting = Counting()
    doors = replace(staff, passwords=counting)
    await Administration(doors, "root").create("new", Grants((Role.DESK,)), None, now)
    await Administration(doors, "root").disable("sam", now)
    sign_in = desk_of(doors)
    names = ("kim", "sam", "new", "nobody", "no name at all!", "")
    for number, name in enumerate(names):
        outcome = await give(sign_in, name, "fel lösenord", Asker(f"10.1.1.{number}", ""), now)
        assert outcome is SignInRefusal.WRONG
    assert counting.costs == ["$argon2id$v=19$m=64,t=1,p=1"] * len(names)


async def test_the_same_code_at_once_signs_in_once(staff: StaffDoors, now: datetime) -> None:
    sign_in = desk_of(staff)
    visits = [await half_way(sign_in, "kim", HOME, now) for _ in range(4)]
    code = code_at(now)
    outcomes = await asyncio.gather(
        *(sign_in.with_code(session, code, HOME, now) for session in visits)
    )
    assert sum(isinstance(outcome, Begun) for outcome in outcomes) == 1


_OTHER_PROCESS = """
import asyncio, sys
from uuid import UUID
from portal.storage.database import Database
from portal.storage.upkeep import PostgresUpkeep
from portal.storage.staff_accounts import PostgresStaffAccounts

async def main(dsn, account):
    async with Database(dsn, size=1) as database:
        accounts = PostgresStaffAccounts(database)
        await database.fetch("SELECT 1")
        print("ready", flush=True)
        sys.stdin.readline()
        taken = [step for step in range(1, 301) if await accounts.use_step(UUID(account), step)]
    print(*taken)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_code_works_once_from_two_processes_too(
    staff: StaffDoors, postgres_dsn: str
) -> None:
    """T30: both take the codes of the same three hundred time steps; nobody takes one twice."""
    account = await account_of(staff, "kim")
    command = [sys.executable, "-c", _OTHER_PROCESS, postgres_dsn, str(account.id)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [await asyncio.create_subprocess_exec(*command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    taken = [
        out.split() for out, _ in await asyncio.gather(*(p.communicate(b"go\n") for p in processes))
    ]
    steps = [int(step) for mine in taken for step in mine]
    assert len(steps) == len(set(steps))
    assert max(steps) == 300


@pytest.mark.usefixtures("staff")
async def test_a_lost_key_is_said_so(database: Database, tmp_path: Path, now: datetime) -> None:
    other = desk_of(compose(database, tmp_path / "other keys"))
    session = await half_way(other, "kim", HOME, now)
    with pytest.raises(KeyRingError, match="a key does not open"):
        await other.with_code(session, "123456", HOME, now)


async def test_a_hash_with_old_parameters_is_made_anew_at_the_next_sign_in(
    staff: StaffDoors, now: datetime
) -> None:
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    await half_way(desk_of(replace(staff, passwords=stronger)), "kim", HOME, now)
    found = await staff.accounts.credentials("kim")
    assert found is not None
    assert found.password_hash is not None
    assert found.password_hash.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    await half_way(desk_of(staff), "kim", HOME, now)


async def test_links_cannot_be_guessed_either(staff: StaffDoors, now: datetime) -> None:
    enrolment = Enrolment(staff, StaffAttemptDesk(staff))
    outcomes = [await enrolment.begin(f"ABCD-{n:04}", ATTACKER, now) for n in range(50)]
    assert outcomes.count(SignInRefusal.LINK_WRONG) == 5
    assert isinstance(outcomes[-1], MustWait)
    code = await Administration(staff, "root").reset("kim", now)
    assert code is not None
    assert isinstance(await enrolment.begin(code.reveal(), HOME, now), Begun)


async def test_who_comes_on_top_of_too_many_is_told_to_wait(
    staff: StaffDoors, now: datetime
) -> None:
    staff.passwords._waiting = MOST_WAITING
    outcome = await give(desk_of(staff), "kim", PASSWORD, HOME, now)
    assert outcome == MustWait(now + timedelta(seconds=10))
    staff.passwords._waiting = 0
    await half_way(desk_of(staff), "kim", HOME, now)  # and it did not count as wrong


async def test_what_is_over_is_deleted(
    staff: StaffDoors, database: Database, now: datetime
) -> None:
    await half_way(desk_of(staff), "kim", HOME, now)
    await PostgresUpkeep(database).tidy(Kept(), now + timedelta(days=30, seconds=-1))
    rows = await database.fetch("SELECT 1 FROM staff_attempt")
    assert len(rows) == 1
    await PostgresUpkeep(database).tidy(Kept(), now + timedelta(days=31))
    for table in ("staff_attempt", "staff_session"):
        assert await database.fetch(f"SELECT 1 FROM {table}") == []  # noqa: S608 - our own names
    links = await database.fetch("SELECT 1 FROM staff_account WHERE link_hash IS NOT NULL")
    assert links == []
