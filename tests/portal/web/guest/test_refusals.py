"""What each refusal says, word for word, where it depends on more than its reason."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused
from tests.portal.web.portal_under_test import (
    LIBRARY,
    NOW,
    FakeGuest,
    exchange,
    get,
    post,
    running_portal,
)

WITH_CODES = replace(LIBRARY, login_methods=(LoginMethod.CARD, LoginMethod.CODE))
AT = "kl.\N{NO-BREAK SPACE}"

TEXTS = [
    (Refused(RefusalReason.CREDENTIALS_WRONG), "Kontrollera båda och försök igen.</p>"),
    (Refused(RefusalReason.CREDENTIALS_WRONG, 1), "Du kan försöka 1 gång till.</p>"),
    (
        Refused(RefusalReason.CREDENTIALS_WRONG, 2, wait_s=61),
        "Du kan försöka 2 gånger till. Sedan behöver du vänta 2 minuter.",
    ),
    (
        Refused(RefusalReason.CARD_FORMAT, expected_length=14, actual_length=12),
        "Kortnumret ska ha 14 siffror. Du har skrivit 12.",
    ),
    (Refused(RefusalReason.CARD_FORMAT), "Det ser inte ut som ett bibliotekskorts nummer."),
    (
        Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(seconds=690)),
        f"Försök igen {AT}15.42, eller be personalen släppa in enhet 47.",
    ),
    (Refused(RefusalReason.TOO_MANY_ATTEMPTS), "Försök igen om en stund"),
    (Refused(RefusalReason.CLOSED), "Wifi öppnar när biblioteket öppnar."),
    (Refused(RefusalReason.CARD_EXPIRED), "Personalen kan förnya det.</p>"),
    (Refused(RefusalReason.LIBRARY_SYSTEM_DOWN), "Försök igen om några minuter"),
]


async def told(guest: FakeGuest) -> str:
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/"))
        form = {"card": "1", "pin": "2", "token": page.token("/card")}
        return (await exchange(portal.plain_port, post("/card", form))).body


@pytest.mark.parametrize(("refused", "words"), TEXTS)
async def test_the_words(refused: Refused, words: str) -> None:
    assert words in await told(FakeGuest(refusal=refused))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (RefusalReason.CARD_EXPIRED, "Du kan också få en kod till wifi direkt."),
        (RefusalReason.LIBRARY_SYSTEM_DOWN, "Be personalen om en kod så länge."),
    ],
)
async def test_where_there_are_codes_one_is_offered(reason: RefusalReason, words: str) -> None:
    assert words in await told(FakeGuest(library=WITH_CODES, refusal=Refused(reason)))


async def test_without_a_device_number_the_wait_names_none() -> None:
    refused = Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(minutes=1))
    body = await told(FakeGuest(number=None, refusal=refused))
    assert f"Försök igen {AT}15.31, eller be personalen om hjälp." in body
