"""Codes and tokens nobody can foresee, and a database that tells neither."""

import ast
import asyncio
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path
from uuid import UUID

import pytest

import portal
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.voucher import Lasts
from portal.domain.voucher_code import has_long_run, read_token, read_voucher_code
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing, voucher_key_id
from portal.services.outcomes import Admitted
from portal.services.ports.vouchers import Sealed
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.services.voucher_secrets import VoucherSecrets, draw_code, draw_slip
from portal.services.vouchers import Vouchers
from portal.storage.binaries import find_binaries
from tests.portal.services.test_vouchers import desk, doors, guest  # noqa: F401 - fixtures

MAIN = SiteId("main")
HOUR = timedelta(hours=1)
DRAWN = 1_000_000


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    return [draw_code() for _ in range(DRAWN)]


def test_drawn_codes_are_hardly_ever_alike(drawn: list[str]) -> None:
    """Of n codes out of N, n\N{SUPERSCRIPT TWO}/2N are alike by chance."""
    expected = DRAWN**2 / 2 / 993_605_131
    assert abs(DRAWN - len(set(drawn)) - expected) < 6 * sqrt(expected)
    assert not any(map(has_long_run, drawn[::100]))
    assert all(read_voucher_code(code) == code for code in drawn[::100])


def test_their_digits_are_spread_evenly(drawn: list[str]) -> None:
    text = "".join(drawn)
    for place in range(10):
        counts = Counter(text[place::10])
        # codes with a long run are not drawn, which favours no digit
        chi_squared = sum((counts[d] - DRAWN / 10) ** 2 / (DRAWN / 10) for d in "0123456789")
        assert chi_squared < 46, "nine degrees of freedom: one in a million is above 45.1"


def test_from_one_code_to_the_next_nothing_is_kept(drawn: list[str]) -> None:
    fourth = "".join(drawn)[3::10]
    pairs = Counter(pairwise(fourth))
    expected = (DRAWN - 1) / 100
    chi_squared = sum((count - expected) ** 2 / expected for count in pairs.values())
    assert len(pairs) == 100
    assert chi_squared < 182, "99 degrees of freedom: one in a million is above 181"


def test_no_two_tokens_are_alike() -> None:
    tokens = {draw_slip().token.reveal() for _ in range(10_000)}
    assert len(tokens) == 10_000
    assert all(read_token(token) is not None for token in tokens)


@pytest.mark.parametrize("module", ["services/voucher_secrets.py", "services/group_tutoring.py"])
def test_codes_are_drawn_by_the_generator_for_secrets(module: str) -> None:
    tree = ast.parse((Path(portal.__file__).parent / module).read_text("utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (
            node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")]
        )
    }
    assert "secrets" in imported
    assert not imported & {"random", "numpy.random", "uuid1"}


def test_a_slip_is_sealed_for_its_own_voucher_and_key(tmp_path: Path, now: datetime) -> None:
    secrets, key_id = VoucherSecrets(KeyRing(tmp_path / "keys")), voucher_key_id(now)
    slip, voucher_id = draw_slip(), UUID(int=1)
    names = secrets.new(voucher_id, slip, key_id).names
    sealed = Sealed(key_id, names.sealed)
    assert secrets.unseal(voucher_id, sealed) == slip
    assert secrets.unseal(voucher_id, Sealed(key_id, None)) is None
    assert secrets.new(voucher_id, slip, key_id).names.sealed != names.sealed
    other = VoucherSecrets(KeyRing(tmp_path / "other"))
    with pytest.raises(KeyRingError, match="restore the keys from the backup"):
        other.unseal(voucher_id, sealed)
    with pytest.raises(KeyRingError):
        secrets.unseal(UUID(int=2), sealed)
    assert len({names.code, names.token, names.subject}) == 3


def test_the_same_code_has_other_names_under_another_years_key(
    tmp_path: Path, now: datetime
) -> None:
    ring = KeyRing(tmp_path)
    secrets, later = VoucherSecrets(ring), now.replace(year=2027)
    first = secrets.codes("4085127730", now)
    both = secrets.codes("4085127730", later)
    assert len(first) == 1
    assert len(both) == 2
    assert both[1] == first[0]
    assert ring.voucher_key_ids(later) == ["voucher-2027", "voucher-2026"]
    assert ring.voucher_key_ids(now.replace(year=2031)) == ["voucher-2031"]


async def test_a_dump_of_the_database_tells_no_code(
    desk: Vouchers,  # noqa: F811 - the fixture
    guest: GuestService,  # noqa: F811 - the fixture
    doors: Doors,  # noqa: F811 - the fixture
    postgres_dsn: str,
    now: datetime,
) -> None:
    """Neither of one in use nor of one in a drawer, as text, digits, bytes or in a QR's letters."""
    made = await desk.make(VoucherOrder(MAIN, Lasts(4 * HOUR), 2, 20), "ada", now)
    assert isinstance(made, MadeVouchers)
    for number, issued in enumerate(made.issued[:10]):
        device = Device(MacAddress(f"02:00:00:00:00:{number:02x}"), MAIN)
        await guest.standing(device, now)
        typed = issued.slip.code.reveal()
        await guest.join(device, typed[:9] + str((int(typed[9]) + 1) % 10), now)
        assert isinstance(await guest.join(device, typed, now), Admitted)
    for number, issued in enumerate(made.issued[10:15]):
        device = Device(MacAddress(f"02:00:00:00:01:{number:02x}"), MAIN)
        assert isinstance(await guest.redeem(device, issued.slip.token.reveal(), now), Admitted)
    await desk.reprint(MAIN, str(made.issued[0].voucher.serial), "ada", now)
    await desk.reprint(MAIN, str(made.issued[19].voucher.serial), "ada", now)
    await desk.revoke(MAIN, str(made.issued[1].voucher.serial), "ada", now)
    await guest.join(Device(MacAddress("02:00:00:00:02:00"), MAIN), "4085127730", now)

    command = [str(find_binaries() / "pg_dump"), "--dbname", postgres_dsn]
    dump = (await asyncio.to_thread(_output, command)).lower()
    assert "A\t1\t".lower() in dump, "the vouchers are in it"
    for issued in made.issued:
        code, token = issued.slip.code.reveal(), issued.slip.token.reveal()
        raw = read_token(token)
        assert raw is not None
        for secret in (code, token, code.encode().hex(), token.encode().hex(), raw.hex()):
            assert secret.lower() not in dump
    rows = await _sealed(doors)
    assert sorted(rows) == [False] * 15 + [True] * 6, "a used or revoked one keeps no slip"


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def _sealed(doors: Doors) -> list[bool]:  # noqa: F811 - the fixture's name
    recent = await doors.vouchers.recent(MAIN, 100)
    kept = await doors.vouchers.sealed(recent)
    return [each.sealed is not None for each in kept.values()]
