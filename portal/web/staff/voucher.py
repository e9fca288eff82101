"""One voucher's page: its code, large; and what can be done with it.

Not the list (desk.py) and not its printing (printing.py). The rule to keep: what changes it is a
form; its code is shown while nobody has used it.
"""

from collections.abc import Collection
from datetime import timedelta

from aiohttp import web

from portal.domain.voucher import UNDO_WITHIN, Voucher, VoucherState
from portal.domain.voucher_code import written_code
from portal.services.voucher_orders import IssuedVoucher, Reprinted, VoucherRefusal
from portal.web.staff import paper
from portal.web.staff.asked import asked, number_in
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_HOUR = timedelta(hours=1)
LENGTHS_H = (1, 4, 24, 24 * 7)
"""What a voucher can be given more, by one press."""

_IN_PRINT = ("no_network", "print", "printer")

_ACTS = frozenset({"extended", "revoked", "replaced", "printed"})


async def voucher_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show it."""
    known = await mine(site, visit, asked(visit, "serial"))
    if isinstance(known, VoucherRefusal):
        return lost(site, visit, known)
    by = visit.me.account.name
    found = await site.desk.vouchers.show(visit.here.id, str(known.serial), by, visit.now)
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    voucher = found.voucher if isinstance(found, IssuedVoucher) else found
    code = written_code(found.slip.code.reveal()) if isinstance(found, IssuedVoucher) else None
    state = voucher.state(visit.now)
    done = asked(visit, "done")
    return site.render(
        "voucher",
        visit,
        voucher=voucher,
        code=code,
        state=state,
        is_fresh=_may_undo(voucher, visit),
        undo_s=int(UNDO_WITHIN.total_seconds()),
        is_live=state in {VoucherState.UNUSED, VoucherState.IN_USE},
        lengths=LENGTHS_H,
        **paper.offered(site, visit),
        done=visit.language.text(f"voucher.done.{done}") if done in _ACTS else None,
        failed=failed(visit),
    )


async def undo(site: StaffSite, visit: Visit) -> web.Response:
    """Take back what was made just now."""
    found = await mine(site, visit, visit.fields.get("serial", ""))
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    by = visit.me.account.name
    undone = await site.desk.vouchers.undo(visit.here.id, found.making, by, visit.now)
    if isinstance(undone, VoucherRefusal):
        return _back(site, found, undone)
    return site.go("/desk?done=undone")


async def revoke(site: StaffSite, visit: Visit) -> web.Response:
    """Turn it off: who is online by it is out at once."""
    by, known = visit.me.account.name, await mine(site, visit, visit.fields.get("serial", ""))
    if isinstance(known, VoucherRefusal):
        return lost(site, visit, known)
    found = await site.desk.vouchers.revoke(visit.here.id, str(known.serial), by, visit.now)
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    return site.go(f"/desk/voucher?serial={found.serial}&done=revoked")


async def extend(site: StaffSite, visit: Visit) -> web.Response:
    """Give it, and who is online by it, more time."""
    hours, by = number_in(visit.fields, "hours"), visit.me.account.name
    known = await mine(site, visit, visit.fields.get("serial", ""))
    if isinstance(known, VoucherRefusal):
        return lost(site, visit, known)
    length, serial = _HOUR * (hours if hours in LENGTHS_H else 0), str(known.serial)
    found = await site.desk.vouchers.extend(visit.here.id, serial, length, by, visit.now)
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    return site.go(f"/desk/voucher?serial={found.serial}&done=extended")


async def reprint(site: StaffSite, visit: Visit) -> web.Response:
    """Give a slip again: the same, or for a used one a new code with what is left."""
    by, known = visit.me.account.name, await mine(site, visit, visit.fields.get("serial", ""))
    if isinstance(known, VoucherRefusal):
        return lost(site, visit, known)
    found = await site.desk.vouchers.reprint(visit.here.id, str(known.serial), by, visit.now)
    if not isinstance(found, Reprinted):
        return lost(site, visit, found)
    done = "&done=replaced" if found.is_new else ""
    return site.go(f"/desk/voucher?serial={found.issued.voucher.serial}{done}")


def lost(site: StaffSite, visit: Visit, refusal: VoucherRefusal) -> web.Response:
    """Lead to the desk, which says why."""
    if refusal is VoucherRefusal.DATABASE_AWAY:
        return site.render("message", visit, 503, key="away")
    return site.go(f"/desk?failed={refusal.value}")


def failed(visit: Visit, in_print: Collection[str] = _IN_PRINT) -> str | None:
    """Return what went wrong with the last press, as its address says."""
    reason = asked(visit, "failed")
    known = reason in {*VoucherRefusal, *in_print}
    return visit.language.text(f"voucher.failed.{reason}") if known else None


def _back(site: StaffSite, voucher: Voucher, refusal: VoucherRefusal) -> web.Response:
    return site.go(f"/desk/voucher?serial={voucher.serial}&failed={refusal.value}")


async def mine(site: StaffSite, visit: Visit, text: str) -> Voucher | VoucherRefusal:
    """Return the voucher with this serial, if it was made where the account works.

    One that is good everywhere can be used here; it is changed, shown and printed at its own desk.
    """
    found = await site.desk.vouchers.find(visit.here.id, text, visit.now)
    if isinstance(found, Voucher) and not visit.me.account.works_at(found.site_id):
        return VoucherRefusal.NO_SUCH_VOUCHER
    return found


def _may_undo(voucher: Voucher, visit: Visit) -> bool:
    return voucher.first_used_at is None and visit.now - voucher.made_at < UNDO_WITHIN
