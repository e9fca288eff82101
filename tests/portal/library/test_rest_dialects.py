"""What each library system's answers mean: in doubt, nobody gets in."""

import json
from datetime import date
from typing import Any

import pytest

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.rest.dialogue import Answer, Dialogue, Request
from portal.library.rest.koha import Koha, KohaPolicy
from portal.library.rest.mikromarc import Mikromarc

CARD, PIN = Secret("20000000000001"), Secret("1234")
TODAY = date(2026, 11, 27)
TOKEN = Answer(200, b'{"access_token": "abc", "expires_in": 3600}')
PATRON = {"cardnumber": "20000000000001", "patron_id": 51, "userid": "eva"}
RECORD = PATRON | {"expiry_date": "2026-11-27", "restricted": False, "patron_card_lost": None}
EVERYTHING = KohaPolicy(expired=True, restricted=True, lost_card=True)

OK, BAD, BLOCKED, EXPIRED = (
    Verification.OK,
    Verification.BAD_CREDENTIALS,
    Verification.BLOCKED,
    Verification.EXPIRED,
)
AWAY, REFUSED = Verification.UNAVAILABLE, Verification.REFUSED_BY_SERVER


def told(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body).encode())


def play(dialogue: Dialogue, *answers: Answer) -> tuple[Checked, list[Request]]:
    """Give the answers one after another; return the outcome and what was asked."""
    left = list(answers)
    asked: list[Request] = []
    try:
        asked.append(next(dialogue))
        while True:
            asked.append(dialogue.send(left.pop(0)))
    except StopIteration as end:
        assert left == []
        return end.value, asked


def koha(policy: KohaPolicy = KohaPolicy()) -> Koha:  # noqa: B008 - frozen
    return Koha("client", Secret("s3cret"), policy, lambda: TODAY)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (told(201, PATRON), OK),
        (told(201, PATRON | {"cardnumber": None, "userid": "20000000000001"}), OK),
        (told(201, PATRON | {"cardnumber": "20000000000002"}), AWAY),
        (told(201, {}), AWAY),
        (Answer(201, b"<html>"), AWAY),
        (Answer(201, b"[" * 100_000), AWAY),
        (told(201, []), AWAY),
        (told(200, PATRON), AWAY),
        (told(400, {"error": "Validation failed"}), BAD),
        (told(400, {"error": "Password expired"}), BLOCKED),
        (told(400, {"error": "Bad request."}), AWAY),
        (told(400, {"error": {"a": 1}}), AWAY),
        (told(401, {"error": "Authentication failure."}), REFUSED),
        (told(403, {"error": "Authorization failure."}), REFUSED),
        (told(404, {}), AWAY),
        (told(302, {}), AWAY),
        (told(500, {}), AWAY),
        (told(503, {}), AWAY),
    ],
)
def test_koha_s_answer_about_card_and_pin(answer: Answer, outcome: Verification) -> None:
    checked, asked = play(koha().check(CARD, PIN, 0.0), TOKEN, answer)
    assert checked.outcome is outcome
    assert checked.neighbour_failed == (outcome is AWAY)
    assert [request.path for request in asked] == [
        "api/v1/oauth/token",
        "api/v1/auth/password/validation",
    ]
    assert json.loads(asked[1].body) == {"identifier": "20000000000001", "password": "1234"}
    assert "1234" not in repr(asked)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (told(200, RECORD), OK),
        (told(200, RECORD | {"expiry_date": None}), OK),
        (told(200, RECORD | {"expiry_date": "2026-11-26"}), EXPIRED),
        (told(200, RECORD | {"expiry_date": "soon"}), EXPIRED),
        (told(200, RECORD | {"restricted": True}), BLOCKED),
        (told(200, RECORD | {"restricted": None}), BLOCKED),
        (told(200, RECORD | {"patron_card_lost": True}), BLOCKED),
        (told(200, RECORD | {"patron_id": 52}), AWAY),
        (told(403, {}), REFUSED),
        (told(404, {}), AWAY),
    ],
)
def test_koha_s_record_of_a_patron_with_a_right_pin(answer: Answer, outcome: Verification) -> None:
    checked, asked = play(koha(EVERYTHING).check(CARD, PIN, 0.0), TOKEN, told(201, PATRON), answer)
    assert checked.outcome is outcome
    assert asked[-1].path == "api/v1/patrons/51"


@pytest.mark.parametrize("number", ["51", None, True, 5.1])
def test_a_patron_without_a_number_is_not_let_in_where_the_record_counts(number: object) -> None:
    answer = told(201, PATRON | {"patron_id": number})
    checked, asked = play(koha(EVERYTHING).check(CARD, PIN, 0.0), TOKEN, answer)
    assert checked.outcome is AWAY
    assert len(asked) == 2


def test_the_record_is_not_read_unless_somebody_is_refused_by_it() -> None:
    _, asked = play(koha().check(CARD, PIN, 0.0), TOKEN, told(201, PATRON))
    assert all("patrons" not in request.path for request in asked)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (told(400, {"error": "invalid_client"}), REFUSED),
        (told(401, {}), REFUSED),
        (told(403, {}), REFUSED),
        (told(404, {}), AWAY),
        (told(429, {}), AWAY),
        (told(502, {}), AWAY),
        (told(200, {}), AWAY),
        (told(200, {"access_token": 7}), AWAY),
        (told(200, {"access_token": "a\r\nX: y"}), AWAY),
        (told(200, {"access_token": ""}), AWAY),
    ],
)
def test_without_a_token_nothing_is_asked_about_anybody(
    answer: Answer, outcome: Verification
) -> None:
    for dialogue in (koha().check(CARD, PIN, 0.0), koha().ping(0.0)):
        checked, asked = play(dialogue, answer)
        assert checked.outcome is outcome
        assert len(asked) == 1


def test_a_token_is_used_until_its_last_minute() -> None:
    library = koha()
    play(library.check(CARD, PIN, 0.0), TOKEN, told(201, PATRON))
    _, asked = play(library.check(CARD, PIN, 3500.0), told(201, PATRON))
    assert len(asked) == 1
    _, asked = play(library.check(CARD, PIN, 3541.0), TOKEN, told(201, PATRON))
    assert len(asked) == 2


def test_a_token_without_a_length_is_taken_for_an_hour_s() -> None:
    library = koha()
    odd = Answer(200, b'{"access_token": "abc", "expires_in": "long"}')
    play(library.check(CARD, PIN, 0.0), odd, told(201, PATRON))
    _, asked = play(library.check(CARD, PIN, 3500.0), told(201, PATRON))
    assert len(asked) == 1


def test_a_token_that_was_taken_back_is_renewed_once() -> None:
    library, refused = koha(), told(401, {})
    play(library.check(CARD, PIN, 0.0), TOKEN, told(201, PATRON))
    checked, asked = play(library.check(CARD, PIN, 9.0), refused, TOKEN, told(201, PATRON))
    assert checked.outcome is OK
    checked, asked = play(library.check(CARD, PIN, 9.0), refused, TOKEN, refused)
    assert checked.outcome is REFUSED
    assert len(asked) == 3
    checked, _ = play(library.check(CARD, PIN, 9.0), refused, told(503, {}))
    assert checked.outcome is AWAY


def test_a_record_behind_a_token_that_was_taken_back_in_between() -> None:
    library = koha(EVERYTHING)
    checked, _ = play(
        library.check(CARD, PIN, 0.0), TOKEN, told(201, PATRON), told(401, {}), told(403, {})
    )
    assert checked.outcome is REFUSED


def test_koha_s_ping_names_no_patron() -> None:
    checked, asked = play(koha().ping(0.0), TOKEN)
    assert checked.outcome is OK
    assert [request.path for request in asked] == ["api/v1/oauth/token"]


def mikromarc(*, debtors: bool = True) -> Mikromarc:
    return Mikromarc("user", Secret("s3cret"), debtors=debtors)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (told(200, {"value": 8}), OK),
        (told(200, {"value": 0}), AWAY),
        (told(200, {"value": True}), AWAY),
        (told(200, {"value": "8"}), AWAY),
        (told(200, {}), AWAY),
        (told(400, {}), BAD),
        (told(403, {}), BAD),
        (told(403, {"error": "x"}), BAD),
        (told(403, {"error": {"code": "Wrong"}}), BAD),
        (told(404, {}), BAD),
        (told(401, {}), REFUSED),
        (told(500, {}), AWAY),
        (told(302, {}), AWAY),
    ],
)
def test_mikromarc_s_answer_about_card_and_pin(answer: Answer, outcome: Verification) -> None:
    checked, asked = play(mikromarc().check(CARD, PIN, 0.0), answer)
    assert checked.outcome is outcome
    assert json.loads(asked[0].body) == {"Barcode": "20000000000001", "Pin": "1234"}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (told(200, {"BorrowerId": 8}), OK),
        (told(200, {"value": 8}), AWAY),
        (told(403, {"error": {"code": "Defaulted"}}), BAD),
    ],
)
def test_who_is_in_default_is_asked_about_again(answer: Answer, outcome: Verification) -> None:
    defaulted = told(403, {"error": {"code": "Defaulted"}})
    checked, asked = play(mikromarc().check(CARD, PIN, 0.0), defaulted, answer)
    assert checked.outcome is outcome
    assert asked[1].path.endswith("AuthenticateDebtor")
    checked, asked = play(mikromarc(debtors=False).check(CARD, PIN, 0.0), defaulted)
    assert checked.outcome is BLOCKED
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, OK), (401, REFUSED), (404, AWAY), (503, AWAY)]
)
def test_mikromarc_s_ping_names_no_patron(status: int, outcome: Verification) -> None:
    checked, asked = play(mikromarc().ping(0.0), told(status, {}))
    assert checked.outcome is outcome
    assert asked[0].body == b""
