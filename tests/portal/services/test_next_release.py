"""This program on the schema of the next release: an upgrade and the way back from it need that.

What the next release may do to the schema while this one runs stands in tests/portal/conftest.py: a
column more in every table, and a table more.
"""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from portal.domain.identity import Secret
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted
from tests.portal.conftest import EXPANSION
from tests.portal.services.test_guest import device

TESTS = Path(__file__).parents[1]
ON_IT = (
    *("storage/test_contracts.py", "storage/test_accounting.py", "storage/test_sightings.py"),
    *("storage/test_voucher_contract.py", "storage/test_returning_contract.py"),
    *("storage/test_api_tokens.py", "storage/test_audit.py", "services/test_guest.py"),
    *("services/test_live_picture.py", "services/test_accounting.py"),
    *("services/test_group_tutoring.py", "services/test_returning.py", "services/test_courtesy.py"),
)


async def test_a_login_a_visit_and_its_end(
    guest: GuestService, postgres_dsn: str, now: datetime
) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(EXPANSION)
    await connection.close()
    phone = device()
    outcome = await guest.sign_in_with_card(phone, Secret("20000000000001"), Secret("1234"), now)
    assert isinstance(outcome, Admitted)
    assert await guest.sign_out(phone, now + timedelta(hours=1))


@pytest.mark.proof
def test_sessions_accounting_vouchers_and_groups() -> None:
    """The tests of these, on such a schema."""
    files = [str(TESTS / name) for name in ON_IT]
    command = [sys.executable, "-m", "pytest", "--next-schema", "-x", *files]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=TESTS.parents[1]
    )
    assert done.returncode == 0, done.stdout[-3000:]
