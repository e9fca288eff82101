"""Every page and state of the staff site, by name: who looks, and how to get there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address

from portal.domain.privacy import PrivacyLevel
from portal.domain.staff_account import Role
from portal.services.ports.address_log import Given, GivenPorts
from portal.services.ports.live import Place
from portal.storage.address_log import PostgresAddressLog
from portal.storage.live import PostgresLive
from portal.storage.privacy import PostgresPrivacy
from tests.browser.staff_desk import busy
from tests.browser.staff_overview import a_day
from tests.browser.staff_stage import StaffStage
from tests.portal.web.staff.console_stage import CARD, LAPTOP, PHONE, make_history
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, PASSWORD, Person, StaffWorld


@dataclass(frozen=True)
class StaffState:
    """``path`` is opened by ``who``; then the form that is named is sent with these fields."""

    who: str
    path: str
    press: str = ""
    """The action of the form to send, empty for none."""
    fields: Mapping[str, str] = field(default_factory=dict)
    follow: tuple[str, ...] = ()
    """Links and summaries to click before that."""
    shows: str = ""
    """What is waited for, on a page that goes on by itself."""

    async def show(self, made: StaffStage, people: Mapping[str, Person]) -> None:
        """Bring the page to this state, whatever it showed before."""
        await made.become(people[self.who])
        await made.page.goto(self.path)
        for selector in self.follow:
            await made.page.click(selector)
            await made.page.wait_for_load_state()
        if self.press:
            for name, value in self.fields.items():
                await made.page.fill(f"#{name}", value)
            async with made.page.expect_navigation():
                await made.page.click(f'form[action="{self.press}"] button:visible')
        if self.shows:
            await made.page.wait_for_selector(self.shows)


async def everybody(world: StaffWorld) -> dict[str, Person]:
    """Make somebody for every stage that a visit can have."""
    manager = await world.enrol("kim.larsson", Role.DESK, Role.SITE_MANAGER, sites=(CITY, BRANCH))
    locked = await world.enrol("sam", Role.DESK)
    await locked.post("/lock")
    half = manager.again()
    await half.give_password()
    invited, chose = Person(world, "new"), Person(world, "app")
    for person in (invited, chose):
        page = await person.get("/first")
        await person.post("/first", page, code=await world.make(person.name))
    page = await chose.get("/first/password")
    await chose.post("/first/password", page, password=PASSWORD, again=PASSWORD)
    windows = manager.again()
    windows.more = ("User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)",)
    await windows.sign_in()
    await busy(world)
    heard = world.time() - timedelta(minutes=70)
    place = Place(LAPTOP, "branch-ap", heard, let_in=False, nas_identifier=b"AP-children")
    await PostgresLive(world.database).keep_places([place])
    await make_history(world)
    await PostgresPrivacy(world.database).tell({BRANCH: PrivacyLevel.ADDRESSES})
    given = Given([GivenPorts(LAPTOP, 1024, 1279, 1800)])
    await PostgresAddressLog(world.database).note(given, [ip_address("192.0.2.10")], world.time())
    it = await world.enrol("ida", Role.IT, sites=None)
    for typed in (CARD.reveal(), PHONE):
        what = "guest" if typed == CARD.reveal() else "device"
        page = await it.get("/log/look-up")
        why = {"reason": "abuse", "case": "2026-118"}
        await it.post("/log/look-up", page, typed=typed, what=what, **why)
    await a_day(world)
    return {
        "it": it,
        "nobody": Person(world),
        "manager": manager,
        "desk": await world.enrol("robin", Role.DESK),
        "branch": await world.enrol("alex", Role.DESK, sites=(BRANCH,)),
        "auditor": await world.enrol("eva", Role.AUDITOR, sites=None),
        "privacy": await world.enrol("noor", Role.PRIVACY, sites=None),
        "officer": await world.enrol("noel", Role.PRIVACY),
        "locked": locked,
        "half": half,
        "invited": invited,
        "chose": chose,
    }


_WRONG = {"name": "kim.larsson", "password": "fel lösenord"}

STAFF_STATES: Mapping[str, StaffState] = {
    "sign-in": StaffState("nobody", "/sign-in"),
    "sign-in-wrong": StaffState("nobody", "/sign-in", "/sign-in", _WRONG),
    "sign-in-instead": StaffState("nobody", "/desk"),
    "code": StaffState("half", "/code"),
    "code-wrong": StaffState("half", "/code", "/code", {"code": "12345"}),
    "recovery": StaffState("half", "/recovery"),
    "first": StaffState("nobody", "/first"),
    "first-wrong": StaffState("nobody", "/first", "/first", {"code": "ABCD-EFGH"}),
    "first-password": StaffState("invited", "/first/password"),
    "first-password-short": StaffState(
        "invited", "/first/password", "/first/password", {"password": "kort", "again": "kort"}
    ),
    "first-password-differs": StaffState(
        "invited", "/first/password", "/first/password", {"password": PASSWORD, "again": "annat"}
    ),
    "first-app": StaffState("chose", "/first/app"),
    "first-app-wrong": StaffState("chose", "/first/app", "/first/app", {"code": "000"}),
    "recovery-codes": StaffState(
        "desk", "/account", "/account/recovery", {"recovery-password": PASSWORD}
    ),
    "account": StaffState("manager", "/account"),
    "account-wrong": StaffState("manager", "/account", "/account/password", {"old": "fel"}),
    "account-of-auditor": StaffState("auditor", "/account"),
    "rights": StaffState("privacy", "/rights"),
    "rights-wrong": StaffState("privacy", "/rights", "/rights", {"typed": "12"}),
    "rights-found": StaffState(
        "privacy", "/rights", "/rights", {"typed": CARD.reveal(), "case": "2026-118"}
    ),
    "rights-local": StaffState("officer", "/rights"),
    "reveal": StaffState("privacy", "/reveal"),
    "reveal-wrong": StaffState("privacy", "/reveal", "/reveal", {"one": "x"}),
    "accounts": StaffState("it", "/accounts"),
    "accounts-one": StaffState("it", "/accounts/one?name=kim.larsson&done=confirmed"),
    "accounts-wrong": StaffState("it", "/accounts/one?name=sam", "/accounts/end"),
    "accounts-of-auditor": StaffState("auditor", "/accounts/one?name=eva"),
    "desk": StaffState("desk", "/desk"),
    "desk-of-several": StaffState("manager", "/desk"),
    "desk-empty": StaffState("branch", "/desk"),
    "desk-not-found": StaffState("desk", "/desk", "/desk/find", {"find": "Z-9999"}),
    "voucher": StaffState("desk", "/desk/voucher?serial=A-0001"),
    "voucher-in-use": StaffState("desk", "/desk/voucher?serial=A-0002"),
    "voucher-revoked": StaffState("desk", "/desk/voucher?serial=A-0003&done=revoked"),
    "more": StaffState("manager", "/desk/more?preset=group"),
    "more-wrong": StaffState("desk", "/desk/more", "/desk/more", {"count": "2000"}),
    "batch": StaffState("manager", "/desk/batch?series=B"),
    "tutoring": StaffState("desk", "/tutoring?device=47"),
    "tutoring-done": StaffState("desk", "/tutoring?done=let-in&number=31&until=20261126T1030"),
    "tutoring-empty": StaffState("branch", "/tutoring"),
    "tutoring-failed": StaffState("desk", "/tutoring?failed=no_such_device"),
    "group": StaffState("desk", "/tutoring/group?number=1"),
    "report": StaffState("desk", "/desk/report"),
    "report-wrong": StaffState("desk", "/desk/report", "/desk/report"),
    "reported": StaffState("desk", "/desk/report?number=12"),
    "day": StaffState("desk", "/desk/day"),
    "day-off": StaffState("branch", "/desk/day"),
    "overview": StaffState("it", "/overview"),
    "overview-of-manager": StaffState("manager", "/overview"),
    "faults": StaffState("it", "/faults"),
    "faults-of-manager": StaffState("manager", "/faults"),
    "month": StaffState("it", "/overview/month?month=2026-11"),
    "month-of-manager": StaffState("manager", "/overview/month"),
    "notices": StaffState("it", "/notices"),
    "notices-wrong": StaffState("manager", "/notices", "/notices", {"sv": "Wifi är avstängt."}),
    "log": StaffState("it", "/log?period=week"),
    "log-own-time": StaffState("it", "/log?from=2026-11-25T00%3A00&ground=card"),
    "log-access-point": StaffState("it", "/log?period=week&point=branch-ap%2FAP-children"),
    "log-empty": StaffState("it", "/log?period=week&outcome=revoked"),
    "log-of-one": StaffState("it", "/log?period=week", follow=("tbody tr:last-child td a",)),
    "log-session": StaffState("it", "/log?period=week&outcome=logged_out", follow=("tbody th a",)),
    "log-online": StaffState("it", "/log?period=week&outcome=online", follow=("tbody th a",)),
    "log-session-wrong": StaffState(
        "it",
        "/log?period=week&outcome=logged_out",
        "/log/session",
        follow=("tbody th a", "#compare summary"),
    ),
    "look-up": StaffState("it", "/log/look-up"),
    "look-up-asked": StaffState("it", "/log", "/log/find", {"find": PHONE}),
    "look-up-wrong": StaffState("it", "/log/look-up", "/log/look-up", {"typed": "123"}),
    "look-up-address": StaffState("it", "/log", "/log/find", {"find": "2001:db8::1"}),
    "look-up-not-kept": StaffState(
        *("it", "/log/look-up", "/log/look-up", {"typed": "2001:db8::1", "case": "2026-7"}),
        ("label[for=what-address]", "label[for=reason-abuse]"),
    ),
    "complaint": StaffState("it", "/log/complaint"),
    "complaint-wrong": StaffState("it", "/log/complaint", "/log/complaint", {"address": "x"}),
    "complaint-answered": StaffState(
        *("it", "/log/complaint", "/log/complaint"),
        {"address": "192.0.2.10", "port": "40001", "at": "2026-11-26 10:00:40", "case": "A-17"},
    ),
    "complaint-exact": StaffState(
        *("it", "/log/complaint", "/log/complaint"),
        {"address": "192.0.2.10", "port": "1100", "at": "2026-11-26 10:00:40", "case": "A-18"},
    ),
    "complaint-many": StaffState(
        *("it", "/log/complaint", "/log/complaint"),
        {"address": "192.0.2.10", "at": "2026-11-26 09:59", "case": "A-19", "tolerance": "3600"},
    ),
    "export": StaffState("it", "/log/export?period=week&ground=card"),
    "export-wrong": StaffState("it", "/log/export", "/log/export"),
    "exported": StaffState(
        *("it", "/log/export", "/log/export", {"case": "2026-7"}, ("label[for=reason-abuse]",)),
        'a[href^="/log/export/file"]',
    ),
    "refused": StaffState("it", "/log/refused?period=week"),
    "refused-empty": StaffState("it", "/log/refused?period=hour"),
    "audit": StaffState("auditor", "/audit"),
    "audit-verified": StaffState("auditor", "/audit?verify=1"),
    "changes": StaffState("auditor", "/audit/changes?period=week"),
    "register": StaffState("it", "/audit/register"),
    "checks": StaffState("it", "/overview/checks"),
    "forbidden": StaffState("auditor", "/desk"),
    "locked": StaffState("locked", "/desk"),
    "missing": StaffState("desk", "/nowhere"),
    "missing-outside": StaffState("nobody", "/nowhere"),
}
