"""What is wrong with a field, and how the services' refusals are told.

The rule to keep: a page never says which of name and password was wrong.
"""

from dataclasses import dataclass

from portal.domain.password import PasswordFault
from portal.services.staff.attempts import MustWait
from portal.services.staff.sign_in import SignInRefusal
from portal.web.staff.pages import Pages
from portal.web.staff.visit import Visit

Refusal = PasswordFault | SignInRefusal | MustWait


@dataclass(frozen=True, slots=True)
class FieldError:
    """``field`` is the id of the input that the summary leads to."""

    field: str
    text: str


def explain(refusal: Refusal, field: str, pages: Pages, visit: Visit) -> tuple[FieldError, int]:
    """Return what to say, and the status to say it with."""
    if isinstance(refusal, MustWait):
        at = pages.clock_rounded_up(visit, refusal.until)
        return FieldError(field, visit.language.text("signin.wait", at=at)), 429
    status = 400 if isinstance(refusal, PasswordFault) else 403
    return FieldError(field, visit.language.text(refusal.value)), status
