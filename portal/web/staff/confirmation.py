"""The second confirmation: whoever is signed in proves it once more, before what matters.

Not the lock (lock.py). The rule to keep: what is asked for here is checked before anything is done.
"""

from portal.domain.identity import Secret
from portal.services.staff.attempts import MustWait
from portal.services.staff.sign_in import SignInRefusal
from portal.web.staff.errors import FieldError, explain
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def confirmed(site: StaffSite, visit: Visit) -> tuple[FieldError, int] | None:
    """Check the password again; None: it is right."""
    password = Secret(visit.fields.get("password", ""))
    tried = await site.sign_in.check_password(visit.me, password, visit.asker, visit.now)
    if not isinstance(tried, MustWait) and tried.right:
        return None
    refusal = tried if isinstance(tried, MustWait) else SignInRefusal.PASSWORD_WRONG
    return explain(refusal, "password", site.pages, visit)


async def confirmed_by_code(site: StaffSite, visit: Visit) -> tuple[FieldError, int] | None:
    """Check and use up the code of the app; None: it is right."""
    typed = visit.fields.get("code", "")
    tried = await site.sign_in.check_code(visit.me, typed, visit.asker, visit.now)
    if not isinstance(tried, MustWait) and tried.right:
        return None
    refusal = tried if isinstance(tried, MustWait) else SignInRefusal.CODE_WRONG
    return explain(refusal, "code", site.pages, visit)
