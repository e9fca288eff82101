"""Koha: card and PIN by its REST interface (api/v1/auth/password/validation, Koha 22.11.10 on).

Not the sending (client.py). Pure, but for the token it was given, which it keeps until it ends.
The rule to keep: a token that is refused is renewed once, because nobody's PIN was looked at then;
the question about the patron itself is never repeated, for Koha counts wrong PINs.
Source: Koha's api/v1/swagger (paths/auth.yaml, paths/oauth.yaml, paths/patrons.yaml) and
Koha::REST::V1::Auth::Password.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.rest.dialogue import (
    HTTP_BAD_REQUEST,
    HTTP_CREATED,
    HTTP_FORBIDDEN,
    HTTP_OK,
    HTTP_UNAUTHORIZED,
    Answer,
    Dialogue,
    Request,
    RestFault,
    json_body,
    unusable,
)

TOKEN_PATH: Final = "api/v1/oauth/token"  # noqa: S105 - a path
CHECK_PATH: Final = "api/v1/auth/password/validation"
PATRON_PATH: Final = "api/v1/patrons/{}"

RENEWED_BEFORE_S = 60.0
"""A token is not used in its last minute: it must be good until the answer is written."""
TOKEN_LASTS_S = 3600.0
"""Koha's tokens last an hour; one that does not say so is renewed as if it did."""

_WRONG = "Validation failed"
_PASSWORD_EXPIRED = "Password expired"  # noqa: S105 - what Koha says


@dataclass(frozen=True, slots=True)
class KohaPolicy:
    """Which patrons with a right PIN are refused all the same. Each needs the patron's record."""

    expired: bool = False
    restricted: bool = False
    lost_card: bool = False

    @property
    def needs_record(self) -> bool:
        """Whether the record has to be read, which holds far more than is needed."""
        return self.expired or self.restricted or self.lost_card


class Koha:
    """``today`` is the library's date."""

    def __init__(
        self, client_id: str, client_secret: Secret, policy: KohaPolicy, today: Callable[[], date]
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._policy = policy
        self._today = today
        self._token = Secret("")
        self._token_until_s = 0.0

    def check(self, card: Secret, pin: Secret, now_s: float) -> Dialogue:
        """See Dialect."""
        body = json_body(identifier=card.reveal(), password=pin.reveal())
        answer = yield from self._authorized("POST", CHECK_PATH, body, now_s)
        if isinstance(answer, Checked):
            return answer
        told = answer.json()
        if answer.status == HTTP_BAD_REQUEST:
            return _refusal(told.get("error"), answer)
        if answer.status != HTTP_CREATED:
            return unusable(answer)
        if not _is_about(told, card):
            return Checked(Verification.UNAVAILABLE, RestFault.OTHER_PATRON, neighbour_failed=True)
        if not self._policy.needs_record:
            return Checked(Verification.OK)
        return (yield from self._standing(told.get("patron_id"), now_s))

    def ping(self, now_s: float) -> Dialogue:
        """See Dialect: a new token is asked for."""
        failed = yield from self._renew(now_s)
        return failed or Checked(Verification.OK)

    def _standing(self, patron_id: object, now_s: float) -> Dialogue:
        if not isinstance(patron_id, int) or isinstance(patron_id, bool):
            return unusable(Answer(HTTP_OK))
        answer = yield from self._authorized("GET", PATRON_PATH.format(patron_id), b"", now_s)
        if isinstance(answer, Checked):
            return answer
        told = answer.json()
        if answer.status != HTTP_OK or told.get("patron_id") != patron_id:
            return unusable(answer)
        return Checked(judge(told, self._policy, self._today()))

    def _authorized(
        self, method: Any, path: str, body: bytes, now_s: float
    ) -> Generator[Request, Answer, Answer | Checked]:
        """Ask with a token; one that was good a moment ago may have been taken back."""
        is_old = now_s < self._token_until_s
        if not is_old and (failed := (yield from self._renew(now_s))):
            return failed
        answer = yield self._with_token(method, path, body)
        if answer.status == HTTP_UNAUTHORIZED and is_old:
            if failed := (yield from self._renew(now_s)):
                return failed
            answer = yield self._with_token(method, path, body)
        return answer

    def _with_token(self, method: Any, path: str, body: bytes) -> Request:
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        if body:
            headers["Content-Type"] = "application/json"
        return Request(method, path, headers, body)

    def _renew(self, now_s: float) -> Generator[Request, Answer, Checked | None]:
        self._token_until_s = 0.0
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = yield Request("POST", TOKEN_PATH, headers, urlencode(form).encode())
        told = answer.json()
        token, lasts_s = told.get("access_token"), told.get("expires_in", TOKEN_LASTS_S)
        if answer.status in (HTTP_BAD_REQUEST, HTTP_UNAUTHORIZED, HTTP_FORBIDDEN):  # RFC 6749, 5.2
            return Checked(Verification.REFUSED_BY_SERVER, RestFault.PORTAL_REFUSED)
        if answer.status != HTTP_OK or not isinstance(token, str) or not _is_sendable(token):
            return unusable(answer)
        self._token = Secret(token)
        lasts_s = lasts_s if isinstance(lasts_s, int | float) else TOKEN_LASTS_S
        self._token_until_s = now_s + lasts_s - RENEWED_BEFORE_S
        return None


def judge(patron: dict[str, Any], policy: KohaPolicy, today: date) -> Verification:
    """Return the verdict on a patron's record: expiry first, because patrons can mend it."""
    if policy.expired and _has_passed(patron.get("expiry_date"), today):
        return Verification.EXPIRED
    is_refused = (policy.restricted and patron.get("restricted") is not False) or (
        policy.lost_card and patron.get("patron_card_lost") not in (False, None)
    )
    return Verification.BLOCKED if is_refused else Verification.OK


def _has_passed(expiry: object, today: date) -> bool:
    """Koha lets a card be used on its last day; a patron without a date never expires."""
    if expiry is None:
        return False
    try:
        return date.fromisoformat(str(expiry)) < today
    except ValueError:
        return True  # what stands in doubt refuses


def _refusal(error: object, answer: Answer) -> Checked:
    match error:
        case str() if error == _WRONG:
            return Checked(Verification.BAD_CREDENTIALS)
        case str() if error == _PASSWORD_EXPIRED:
            return Checked(Verification.BLOCKED)
    return unusable(answer)


def _is_about(told: dict[str, Any], card: Secret) -> bool:
    """Koha looks for a user name first and a card number then: either must be what was asked."""
    asked = card.reveal().strip().casefold()
    names = (told.get("cardnumber"), told.get("userid"))
    return any(isinstance(name, str) and name.strip().casefold() == asked for name in names)


def _is_sendable(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token and token != ""
