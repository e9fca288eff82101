"""A conversation with a library system over HTTP, as values: what is asked, what was answered.

Not the sending (client.py). Pure: a dialect is a generator that yields requests, is sent answers,
and returns what was found. The rule to keep: one question about a patron is asked once, and
nothing of an answer is kept but the outcome.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked

HTTP_OK, HTTP_CREATED = 200, 201
HTTP_BAD_REQUEST, HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND = 400, 401, 403, 404
_HTTP_SERVER_ERROR = 500


class RestFault(StrEnum):
    """Why an answer gives no access for anybody."""

    NO_CONNECTION = "no_connection"
    NOT_SECURE = "certificate_refused"
    TOO_LONG = "answer_too_long"
    SERVER_ERROR = "server_error"
    UNEXPECTED = "answer_unexpected"
    OTHER_PATRON = "answer_for_other_patron"
    PORTAL_REFUSED = "login_refused"


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is below the configured address; ``headers`` and ``body`` may hold secrets."""

    method: Literal["GET", "POST"]
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, at most as long as the client lets it be."""

    status: int
    body: bytes = field(default=b"", repr=False)

    def json(self) -> dict[str, Any]:
        """Return the body as an object; an empty one when it is none."""
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


Dialogue = Generator[Request, Answer, Checked]


class Dialect(Protocol):
    """How one make of library system is asked. ``now_s`` is on a clock that only goes forward."""

    def check(self, card: Secret, pin: Secret, now_s: float) -> Dialogue:
        """Ask whether the PIN belongs to the card."""
        ...

    def ping(self, now_s: float) -> Dialogue:
        """Ask for something with no patron in it."""
        ...


def unusable(answer: Answer) -> Checked:
    """Return what an answer means that the dialect does not know."""
    if answer.status >= _HTTP_SERVER_ERROR:
        fault = RestFault.SERVER_ERROR
    elif answer.status in (HTTP_UNAUTHORIZED, HTTP_FORBIDDEN):
        return Checked(Verification.REFUSED_BY_SERVER, RestFault.PORTAL_REFUSED)
    else:
        fault = RestFault.UNEXPECTED
    return Checked(Verification.UNAVAILABLE, fault, neighbour_failed=True)


def json_body(**values: str) -> bytes:
    """Return an object as the bytes of a body."""
    return json.dumps(values).encode()
