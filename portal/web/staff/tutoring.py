"""The tutoring page: who waits is let in with two taps, and nothing ends what is protected.

Not the rules (services/tutoring.py). The rule to keep: a visitor is named by the number on the
screen, never by a card or a name; and what was done is said where the tutor looks.
"""

from datetime import timedelta

from aiohttp import web

from portal.domain.session import Session
from portal.domain.tutoring import STEP, VISIT
from portal.services.group_tutoring import GroupRefusal
from portal.services.ports.tutoring import Tutor
from portal.services.tutoring import TutoringRefusal
from portal.web.device_help import STEPS, section_of
from portal.web.staff.asked import asked, instant, number_in, whole_number, written_instant
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

WARN_BEFORE = timedelta(minutes=5)
"""So long before the end of a tutoring its tile is marked."""

_LEAST_FOR_ONE = 1


async def tutoring_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the board; ``?device=47`` is open, and ``?done=`` says what was done."""
    picture = await site.desk.board.picture(visit.here.id, visit.now)
    if picture is None:
        return site.render("message", visit, 503, key="away")
    opened = whole_number(asked(visit, "device"))
    if opened is None and len(picture.waiting) == _LEAST_FOR_ONE:
        opened = picture.waiting[0].number
    return site.render(
        "tutoring",
        visit,
        board=picture,
        health=await site.desk.faults.health(visit.here.id, visit.now),
        opened=opened,
        soon=visit.now + WARN_BEFORE,
        minutes=int(VISIT.total_seconds() // 60),
        step=int(STEP.total_seconds() // 60),
        ssid=site.settings.ssid,
        section_of=section_of,
        help_steps=STEPS,
        address=site.settings.place.short_address if site.settings.place else "",
        steps=lambda device: _steps(visit, device.steps),
        done=_done(site, visit),
        failed=_failed(visit),
    )


async def let_in(site: StaffSite, visit: Visit) -> web.Response:
    """Let the device in, or take one that is online under tutoring."""
    number = number_in(visit.fields, "device")
    if number is None:
        return site.go("/tutoring")
    tutor, here = Tutor(visit.me.account.name, number), visit.here.id
    tile = number_in(visit.fields, "continues")
    if tile is not None:
        outcome = await site.desk.tutoring.carry_over(here, tutor, tile, VISIT, visit.now)
    else:
        outcome = await site.desk.tutoring.let_in(here, tutor, VISIT, visit.now)
    return _after(site, "let-in", number if tile is None else tile, outcome)


async def extend(site: StaffSite, visit: Visit) -> web.Response:
    """Half an hour more, any number of times."""
    number = number_in(visit.fields, "device")
    if number is None:
        return site.go("/tutoring")
    tutor = Tutor(visit.me.account.name, number)
    outcome = await site.desk.tutoring.extend(visit.here.id, tutor, STEP, visit.now)
    return _after(site, "extend", number, outcome)


async def end(site: StaffSite, visit: Visit) -> web.Response:
    """End the tutoring; the device stays online as an ordinary guest."""
    number = number_in(visit.fields, "device")
    if number is None:
        return site.go("/tutoring")
    tutor = Tutor(visit.me.account.name, number)
    outcome = await site.desk.tutoring.end(visit.here.id, tutor, visit.now)
    return _after(site, "end", number, outcome)


def _after(
    site: StaffSite, act: str, number: int, outcome: Session | TutoringRefusal
) -> web.Response:
    if isinstance(outcome, TutoringRefusal):
        return site.go(f"/tutoring?failed={outcome.value}&device={number}")
    until = outcome.protected_until if act != "end" else outcome.due_at
    at = written_instant(until or outcome.due_at)
    return site.go(f"/tutoring?done={act}&number={number}&until={at}")


_ACTS = frozenset({"let-in", "extend", "end", "group-extend", "group-end"})


def _done(site: StaffSite, visit: Visit) -> str | None:
    """Say what the last press did: the address tells it, so that a reload says no more."""
    act, number = asked(visit, "done"), whole_number(asked(visit, "number"))
    if act not in _ACTS or number is None:
        return None
    until = site.pages.clock(visit, instant(asked(visit, "until")) or visit.now)
    return visit.language.text(f"tutoring.done.{act}", number=number, until=until)


def _failed(visit: Visit) -> str | None:
    reason = asked(visit, "failed")
    known = reason in {*TutoringRefusal, *GroupRefusal, "group"}
    return visit.language.text(f"tutoring.failed.{reason}") if known else None


def _steps(visit: Visit, steps: tuple[str, ...]) -> list[str]:
    """Return what the device tried in the tutor's words: "fel pinkod 2 gånger"."""
    told = []
    for step in dict.fromkeys(steps):
        key = f"step.{step}"
        text = visit.language.texts.get(key, visit.language.text("step.other"))
        count = steps.count(step)
        told.append(
            text if count == 1 else visit.language.text("step.times", step=text, count=count)
        )
    return list(dict.fromkeys(told))
