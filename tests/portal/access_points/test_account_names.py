"""Names of accounts: as the standard library computes them, and the same in every release."""

import hmac

import pytest

from portal.access_points.account_names import AccountNames

LONG = 65


def by_the_library(key: bytes, client: str, nas: bytes, session_id: bytes, mac: str) -> bytes:
    parts = (client.encode(), nas, session_id, mac.encode())
    framed = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return hmac.digest(key, framed, "sha256")


@pytest.mark.parametrize("key", [b"", b"k" * 32, b"k" * 64, b"k" * LONG])
def test_a_name_is_the_hmac_of_its_parts(key: bytes) -> None:
    names = AccountNames(key)
    for client in ("ap", "a" * 300):
        for nas in (b"", b"hall", bytes(253)):
            for session_id in (b"", b"5A000001", bytes(range(253))):
                told = (client, nas, session_id, "02:00:00:00:00:2a")
                assert names.name(*told) == by_the_library(key, *told)
                assert names.name(*told) == by_the_library(key, *told), "remembered"


def test_a_name_that_stands_in_databases_stays() -> None:
    name = AccountNames(b"k" * 32).name("ap", b"hall", b"5A", "02:00:00:00:00:2a")
    assert name.hex() == "7e56ce6a8ff7abe093000973673bc2c740dcf344906ad12a8dfe5bb84cd7aaf9"
