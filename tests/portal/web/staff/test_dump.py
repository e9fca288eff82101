"""After a day of use the whole database tells no secret: no code, PIN, card, person or password."""

import asyncio
import re
import subprocess
from dataclasses import replace
from datetime import timedelta

from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.staff_account import Role
from portal.domain.voucher_code import read_token
from portal.services.group_tutoring import StartedGroup
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.storage.binaries import find_binaries
from tests.portal.services.fakes import FakeLibrary
from tests.portal.web.staff.staff_under_test import CITY, PASSWORD, StaffWorld

CARD, WRONG_CARD, PIN, WRONG_PIN = "20000000000417", "20000000000425", "739164", "840275"
PERSON = "198501011232"
"""A personal identity number in its long form, made up."""


def phone(number: int) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), CITY)


def stands_in(secret: str, dump: str) -> bool:
    """Say whether a secret stands in a dump: as text, or as bytes, which are dumped in hex.

    Six digits stand in some hash by chance: they count where they are a word of their own.
    """
    alone = rf"(?<![0-9a-f.]){re.escape(secret.lower())}(?![0-9a-f])"
    as_text = re.search(alone, dump) if len(secret) <= 6 else secret.lower() in dump
    return bool(as_text) or secret.encode().hex() in dump


async def test_a_day_leaves_no_secret_in_the_database(world: StaffWorld, postgres_dsn: str) -> None:
    now, desk = world.time(), world.site.desk
    library = FakeLibrary(**{f"c{CARD}": PIN})
    guest = GuestService(replace(world.doors, library=library))
    kim = await world.enrol("kim", Role.DESK)
    secrets = {PASSWORD, kim.secret, *kim.recovery, CARD, WRONG_CARD, PIN, WRONG_PIN, PERSON}
    secrets |= {PERSON[2:], f"{PERSON[2:8]}-{PERSON[8:]}", *kim.cookies.values()}

    for device, card, pin in ((1, CARD, WRONG_PIN), (1, CARD, PIN), (2, WRONG_CARD, PIN)):
        await guest.sign_in_with_card(phone(device), Secret(card), Secret(pin), now)
    await guest.sign_in_with_card(phone(3), Secret(PERSON), Secret(PIN), now)
    made = await desk.vouchers.make(VoucherOrder(CITY, count=4), "kim", now)
    assert isinstance(made, MadeVouchers)
    for number, issued in enumerate(made.issued[:2]):
        code, token = issued.slip.code.reveal(), issued.slip.token.reveal()
        raw = read_token(token)
        assert raw is not None
        secrets |= {code, token, raw.hex()}
        outcome = await guest.join(phone(10 + number), code, now)
        assert isinstance(outcome, Admitted)
    secrets |= {issued.slip.code.reveal() for issued in made.issued[2:]}
    group = await desk.groups.start(CITY, "kim", timedelta(hours=2), 5, now)
    assert isinstance(group, StartedGroup)
    secrets.add(group.code)
    assert isinstance(await guest.join(phone(20), group.code, now), Admitted)
    told = f"kort {CARD} och {PERSON} kommer inte in"
    await kim.post("/desk/report", await kim.get("/desk/report"), kind="other", words=told)

    command = [str(find_binaries() / "pg_dump"), "--dbname", postgres_dsn]
    dump = (await asyncio.to_thread(_output, command)).lower()
    assert len(re.findall(r"session_started", dump)) >= 4, "the day is in it"
    assert "kommer inte in" in dump
    assert [secret for secret in secrets if stands_in(secret, dump)] == []
    assert stands_in("kim", dump), "what is in it would be found"


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
