"""Every way in which the API says no, as problem details (RFC 9457).

Not who decides that (application.py, vouchers.py). The rule to keep: a text here is ours; nothing
that was sent comes back in it, so that no token and no code gets into anybody's log that way.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType

from aiohttp import web

from portal.services.voucher_orders import VoucherRefusal
from portal.web.api.answers import respond
from portal.web.api.models import Fault, ProblemDetails

RETRY_SOON_S = 5


class Problem(Enum):
    """What is told: a status, and a sentence with the way out."""

    UNREADABLE = (400, "The body is no JSON in UTF-8.")
    NO_GOOD_TOKEN = (401, "Send a token that is good: Authorization: Bearer kvar_…")
    SCOPE_MISSING = (403, "The token does not have the scope that this needs.")
    OTHER_SITE = (403, "The token is not for this site.")
    NO_SUCH_PATH = (404, "There is nothing at this path.")
    NO_SUCH_SITE = (404, "There is no such site.")
    NO_SUCH_VOUCHER = (404, "There is no such voucher or series at this site.")
    METHOD_NOT_ALLOWED = (405, "This path does not take this method.")
    CUT_SHORT = (408, "The body did not come to its end.")
    NOT_OFFERED = (409, 'The site takes no codes: "code" is missing in its login_methods.')
    OVER = (409, "Its time is up, or it was turned off.")
    NOT_A_BATCH = (409, "These are the site's single vouchers: turn them off one by one.")
    TOO_LARGE = (413, "The body is longer than 8192 bytes.")
    NOT_JSON = (415, "Send the body as application/json, neither compressed nor as a form.")
    OTHER_HOST = (421, "Ask for the staff site under its own name.")
    WRONG_INPUT = (422, "Something that was sent cannot be taken; faults says what.")
    SITE_MISSING = (422, "The token is for several sites: say ?site=…")
    NO_SUCH_PRESET = (422, "The site has no such preset.")
    IMPOSSIBLE = (422, "No voucher can be like that: a moment is past, or too far away.")
    TOO_MANY = (429, "Too many requests; Retry-After says when to go on.")
    BROKEN = (500, "Something is broken here. It is in the log of the staff site.")
    AWAY = (503, "The database is away, or a key is missing; try again soon.")

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.value[0]

    @property
    def detail(self) -> str:
        """Return the sentence for people."""
        return self.value[1]

    @property
    def code(self) -> str:
        """Return the word for programs."""
        return self.name.lower()


OF_VOUCHERS: Mapping[VoucherRefusal, Problem] = MappingProxyType(
    {
        VoucherRefusal.NO_SUCH_VOUCHER: Problem.NO_SUCH_VOUCHER,
        VoucherRefusal.NOT_OFFERED: Problem.NOT_OFFERED,
        VoucherRefusal.IMPOSSIBLE: Problem.IMPOSSIBLE,
        VoucherRefusal.TOO_LATE: Problem.OVER,
        VoucherRefusal.OVER: Problem.OVER,
        VoucherRefusal.NOT_A_BATCH: Problem.NOT_A_BATCH,
        VoucherRefusal.DATABASE_AWAY: Problem.AWAY,
    }
)


def refuse(
    problem: Problem, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer that something was not done, and why."""
    told = ProblemDetails(
        type="about:blank",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        faults=list(faults),
    )
    more = {"Retry-After": str(RETRY_SOON_S)} if problem is Problem.AWAY else {}
    return respond(
        told.model_dump_json(),
        "application/problem+json",
        problem.status,
        {**more, **(headers or {})},
    )
