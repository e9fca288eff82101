"""The page /code, with the room code of a tutoring group or the code of a voucher."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.session import EndReason, Ground
from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused
from portal.web.guest.form_token import LIFETIME, Purpose, issue_token
from tests.portal.web.portal_under_test import (
    DEVICE,
    LIBRARY,
    NOW,
    SETTINGS,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    make_session,
    post,
    running_portal,
)

AT = "kl.\N{NO-BREAK SPACE}"
WITHOUT = replace(LIBRARY, tutoring=False)
CARD, CODE = LoginMethod.CARD, LoginMethod.CODE
VOUCHERS = replace(LIBRARY, login_methods=(CARD, CODE))


async def send_code(portal: Portal, code: str = "408 512", query: str = "") -> Answer:
    page = await exchange(portal.plain_port, get(f"/code{query}"))
    form = {"code": code, "token": page.token("/code")}
    return await exchange(portal.plain_port, post(f"/code{query}", form))


async def test_a_code_leads_to_the_status_page() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await send_code(portal)
        assert (answer.status, answer.headers["Location"]) == (303, "/status")
        status = await exchange(portal.plain_port, get("/status"))
    assert guest.calls == ["code 408 512"]
    assert "Handledning pågår. Du loggas inte ut." in status.body
    assert 'href="/code"' not in status.body


async def test_the_login_page_and_the_code_page_lead_to_each_other() -> None:
    async with running_portal(FakeGuest()) as portal:
        card, code = [await exchange(portal.plain_port, get(path)) for path in ("/", "/code")]
    assert '<a href="/code">Med kod</a>' in card.body
    assert '<a href="/card" aria-current="page">' in card.body
    assert '<a href="/card">Med bibliotekskort</a>' in code.body
    assert 'inputmode="numeric" autocomplete="off"' in code.body
    assert "maxlength" not in code.body
    assert "<b>47</b>" in code.body
    assert max(card.size, code.size) < 14_000


async def test_in_english_the_language_is_carried_through() -> None:
    async with running_portal(FakeGuest()) as portal:
        page = await exchange(portal.plain_port, get("/code?lang=en"))
        assert "6 digits. The code is on the screen" in page.body
        assert 'href="/code?lang=sv"' in page.body
        answer = await send_code(portal, query="?lang=en")
    assert answer.headers["Location"] == "/status?lang=en"


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (Refused(RefusalReason.CODE_EMPTY), "Skriv koden"),
        (
            Refused(RefusalReason.CODE_LENGTH, expected_length=6, actual_length=5),
            "Koden ska ha 6 siffror. Du har skrivit 5 tecken.",
        ),
        (Refused(RefusalReason.CODE_UNKNOWN), "Vi hittar inte den koden."),
        (
            Refused(RefusalReason.CODE_EXPIRED, valid_until=NOW - timedelta(hours=1)),
            f"Koden gällde till {AT}14.30. Be personalen om en ny.",
        ),
        (
            Refused(RefusalReason.CODE_FULL, devices=15),
            "Koden används redan på 15 enheter, och fler får inte plats.",
        ),
        (Refused(RefusalReason.CODE_EXPIRED), "Koden gäller inte längre."),
        (Refused(RefusalReason.CODE_TYPO), "Någon siffra i koden är fel. Jämför med lappen"),
        (
            Refused(RefusalReason.CODE_EARLY, valid_from=NOW + timedelta(days=1)),
            f"Koden börjar gälla torsdag {AT}15.30.",
        ),
        (Refused(RefusalReason.CODE_EARLY), "Koden har inte börjat gälla än."),
        (
            Refused(RefusalReason.CODE_OTHER_SITE, site_name="Filialen"),
            "Koden gäller bara på Filialen.",
        ),
        (Refused(RefusalReason.CODE_OTHER_SITE), "Koden gäller bara på ett annat bibliotek."),
        (Refused(RefusalReason.CODE_REVOKED), "Koden är avstängd. Be personalen om en ny."),
        (Refused(RefusalReason.CODE_FULL, devices=1), "Koden används redan på 1 enhet,"),
    ],
)
async def test_what_is_wrong_stands_at_the_field_and_the_code_is_kept(
    refused: Refused, words: str
) -> None:
    async with running_portal(FakeGuest(refusal=refused)) as portal:
        answer = await send_code(portal, "11 22 3")
    assert answer.status == 200
    assert "<title>Fel: " in answer.body
    assert '<a href="#code">' in answer.body
    assert answer.body.count(words) == 2
    assert 'value="11 22 3"' in answer.body
    assert 'aria-invalid="true"' in answer.body


@pytest.mark.parametrize(
    ("refused", "number", "words"),
    [
        (Refused(RefusalReason.CODES_BUSY), 47, "Visa personalen numret 47, så släpper de in dig."),
        (Refused(RefusalReason.CODES_BUSY), None, "Försök igen om en stund"),
        (
            Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(minutes=12)),
            47,
            f"Försök igen {AT}15.42, eller be personalen släppa in enhet 47.",
        ),
        (Refused(RefusalReason.CLOSED), 47, "Wifi öppnar när biblioteket öppnar."),
    ],
)
async def test_what_cannot_be_mended_in_the_field_is_a_page(
    refused: Refused, number: int | None, words: str
) -> None:
    async with running_portal(FakeGuest(refusal=refused, number=number)) as portal:
        answer = await send_code(portal)
    assert words in answer.body
    assert 'href="/code"' in answer.body
    closed = refused.reason is RefusalReason.CLOSED
    assert ("<b>47</b>" in answer.body) is (number == 47 and not closed)


async def test_service_down_is_told() -> None:
    async with running_portal(FakeGuest(refusal=Refused(RefusalReason.SERVICE_DOWN))) as portal:
        assert (await send_code(portal)).status == 503


async def test_an_old_form_is_shown_anew_and_asks_nobody() -> None:
    guest = FakeGuest()
    old = issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.CODE, NOW - LIFETIME)
    other = issue_token(SETTINGS.form_key, DEVICE.mac, Purpose.CARD, NOW)
    async with running_portal(guest) as portal:
        for token in (old, other, ""):
            form = {"code": "408512", "token": token}
            answer = await exchange(portal.plain_port, post("/code", form))
            assert "Tryck på knappen en gång till." in answer.body
            assert 'value="408512"' in answer.body
    assert guest.calls == []


async def test_what_is_kept_is_short_and_escaped() -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await send_code(portal, '"><script>' + "9" * 100)
    assert "<script>" not in answer.body
    assert "9" * 12 not in answer.body


async def test_a_device_online_can_type_a_code_as_well() -> None:
    guest = FakeGuest(session=make_session())
    async with running_portal(guest) as portal:
        status = await exchange(portal.plain_port, get("/status"))
        assert 'href="/code">Jag har en kod för handledning</a>' in status.body
        page = await exchange(portal.plain_port, get("/code"))
        assert "Du är redan uppkopplad. Skriv koden" in page.body
        assert "<b>47</b>" not in page.body
        wrong = await send_code(portal, "111222")
        assert "Vi hittar inte den koden." in wrong.body
        answer = await send_code(portal)
        assert answer.headers["Location"] == "/status"
        protected = await exchange(portal.plain_port, get("/code"))
    assert "Handledning pågår. Du loggas inte ut." in protected.body


async def test_where_codes_are_not_offered_the_page_is_the_front_page() -> None:
    async with running_portal(FakeGuest(library=WITHOUT)) as portal:
        for path in ("/", "/code"):
            page = await exchange(portal.plain_port, get(path))
            assert 'name="card"' in page.body
            assert 'href="/code"' not in page.body
    online = FakeGuest(library=WITHOUT, session=make_session())
    async with running_portal(online) as portal:
        assert "/code" not in (await exchange(portal.plain_port, get("/status"))).body


async def test_a_get_changes_nothing() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        await exchange(portal.plain_port, get("/code?code=408512"))
    assert (guest.calls, guest.session) == ([], None)


async def test_where_a_press_is_enough_the_code_still_protects() -> None:
    library = replace(LIBRARY, login_methods=(LoginMethod.ACCEPT,))
    guest = FakeGuest(library=library, last_end=EndReason.TIME_LIMIT)
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/code"))
        assert "tab.card" not in page.body
        assert "Med bibliotekskort" not in page.body
        assert (await send_code(portal)).headers["Location"] == "/status"


async def test_a_vouchers_code_leads_to_the_status_page() -> None:
    guest = FakeGuest(library=VOUCHERS)
    async with running_portal(guest) as portal:
        answer = await send_code(portal, "408 512 7730")
    assert answer.headers["Location"] == "/status"
    assert guest.calls == ["code 408 512 7730"]


@pytest.mark.parametrize(
    ("tutoring", "words"),
    [
        (True, "10 siffror från lappen, eller 6 siffror från skärmen där ni sitter."),
        (False, "10 siffror. Koden står på lappen eller på skärmen i biblioteket."),
    ],
)
async def test_the_form_asks_for_the_digits_that_can_be_typed(tutoring: bool, words: str) -> None:
    guest = FakeGuest(library=replace(VOUCHERS, tutoring=tutoring))
    async with running_portal(guest) as portal:
        card, code = [await exchange(portal.plain_port, get(path)) for path in ("/", "/code")]
    assert '<a href="/code">Med kod</a>' in card.body
    assert "Be personalen om en kod, eller visa dem numret 47." in card.body
    assert words in code.body
    assert max(card.size, code.size) < 14_000


@pytest.mark.parametrize("methods", [(CODE,), (CODE, CARD)])
async def test_where_the_code_comes_first_it_is_the_front_page(
    methods: tuple[LoginMethod, ...],
) -> None:
    library = replace(LIBRARY, login_methods=methods)
    async with running_portal(FakeGuest(library=library)) as portal:
        front = await exchange(portal.plain_port, get("/"))
        card = await exchange(portal.plain_port, get("/card"))
    assert 'name="code"' in front.body
    assert ("Med bibliotekskort" in front.body) is (CARD in methods)
    assert ('name="card"' in card.body) is (CARD in methods)


async def test_typing_is_over_for_a_while_and_the_qr_code_goes_on() -> None:
    busy = Refused(RefusalReason.CODES_BUSY)
    for number, words in ((47, "visa personalen numret 47."), (None, "be personalen om hjälp.")):
        guest = FakeGuest(library=VOUCHERS, refusal=busy, number=number)
        async with running_portal(guest) as portal:
            answer = await send_code(portal, "408 512 7730")
        assert f"Skanna QR-koden på lappen, eller {words}" in answer.body


async def test_a_visit_by_a_code_is_taken_up_again_by_a_press() -> None:
    library = replace(LIBRARY, login_methods=(CODE,))
    guest = FakeGuest(
        library=library,
        last_end=EndReason.TIME_LIMIT,
        last_ground=Ground.VOUCHER,
        may_continue=True,
    )
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/"))
        assert "Tryck på Fortsätt så är du uppkopplad igen." in page.body
        assert "Eller skriv en kod" in page.body
        form = {"token": page.token("/continue")}
        answer = await exchange(portal.plain_port, post("/continue", form))
    assert answer.headers["Location"] == "/status"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (EndReason.REVOKED, "Koden är avstängd. Be personalen om en ny."),
        (EndReason.TIME_LIMIT, "Tiden för din kod är slut. Be personalen om en ny."),
        (EndReason.REPLACED, "Koden används nu på en annan enhet."),
        (EndReason.ABSENT, "Logga in så är du uppkopplad igen."),
    ],
)
async def test_who_came_by_a_code_is_not_sent_to_check_a_card(end: EndReason, words: str) -> None:
    guest = FakeGuest(library=VOUCHERS, last_end=end, last_ground=Ground.VOUCHER)
    async with running_portal(guest) as portal:
        for path in ("/", "/code"):
            page = await exchange(portal.plain_port, get(path))
            assert words in page.body
            assert "Kontrollera kortnumret" not in page.body


async def test_online_without_group_tutoring_there_is_nothing_to_type() -> None:
    library = replace(VOUCHERS, tutoring=False)
    guest = FakeGuest(library=library, session=make_session(ground=Ground.VOUCHER))
    async with running_portal(guest) as portal:
        page = await exchange(portal.plain_port, get("/code"))
    assert "Du är uppkopplad" in page.body
    assert 'name="code"' not in page.body


async def test_whose_code_runs_out_is_told_whom_to_ask() -> None:
    ending = make_session(ground=Ground.VOUCHER, ends_at=NOW + timedelta(minutes=4))
    async with running_portal(FakeGuest(library=VOUCHERS, session=ending)) as portal:
        page = await exchange(portal.plain_port, get("/status"))
    assert "Be personalen förlänga din kod." in page.body
