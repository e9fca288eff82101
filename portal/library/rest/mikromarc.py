"""Mikromarc: card and PIN by its OData interface (Borrowers/Default.Authenticate).

Not the sending (client.py). Pure.
The rule to keep: somebody in default is let in only after the second question was answered with a
borrower's number; every other answer refuses.
Source: the interface as its open clients use it; no server of it was at hand.
"""

from base64 import b64encode
from typing import Any, Final

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.rest.dialogue import (
    HTTP_BAD_REQUEST,
    HTTP_FORBIDDEN,
    HTTP_NOT_FOUND,
    HTTP_OK,
    Answer,
    Dialogue,
    Request,
    json_body,
    unusable,
)

CHECK_PATH: Final = "odata/Borrowers/Default.Authenticate"
DEBTOR_PATH: Final = "odata/Borrowers/Default.AuthenticateDebtor"
ROOT_PATH: Final = "odata/"

_REFUSED = frozenset({HTTP_BAD_REQUEST, HTTP_FORBIDDEN, HTTP_NOT_FOUND})
_DEFAULTED = "Defaulted"


class Mikromarc:
    """The configured address ends in the library's unit. ``debtors``: may they go online?"""

    def __init__(self, user: str, password: Secret, *, debtors: bool) -> None:
        self._user = user
        self._password = password
        self._debtors = debtors

    def check(self, card: Secret, pin: Secret, now_s: float) -> Dialogue:  # noqa: ARG002 - Dialect
        """See Dialect."""
        body = json_body(Barcode=card.reveal(), Pin=pin.reveal())
        answer = yield self._request("POST", CHECK_PATH, body)
        if answer.status == HTTP_FORBIDDEN and _code(answer) == _DEFAULTED:
            if not self._debtors:
                return Checked(Verification.BLOCKED)
            answer = yield self._request("POST", DEBTOR_PATH, body)
            return _judge(answer, "BorrowerId")
        return _judge(answer, "value")

    def ping(self, now_s: float) -> Dialogue:  # noqa: ARG002 - Dialect
        """See Dialect: the interface's own first page."""
        answer = yield self._request("GET", ROOT_PATH)
        return Checked(Verification.OK) if answer.status == HTTP_OK else unusable(answer)

    def _request(self, method: Any, path: str, body: bytes = b"") -> Request:
        pair = f"{self._user}:{self._password.reveal()}".encode()
        headers = {"Authorization": f"Basic {b64encode(pair).decode()}"}
        if body:
            headers["Content-Type"] = "application/json"
        return Request(method, path, headers, body)


def _judge(answer: Answer, key: str) -> Checked:
    borrower = answer.json().get(key)
    if answer.status == HTTP_OK and isinstance(borrower, int) and borrower > 0:
        is_a_number = not isinstance(borrower, bool)
        return Checked(Verification.OK) if is_a_number else unusable(answer)
    if answer.status in _REFUSED:
        return Checked(Verification.BAD_CREDENTIALS)
    return unusable(answer)


def _code(answer: Answer) -> object:
    error = answer.json().get("error")
    return error.get("code") if isinstance(error, dict) else None
