"""The API's operations on vouchers: each reads its wish, asks the service, and tells its answer.

Not the rules (portal/services/vouchers.py). The rule to keep: a token that is for some sites never
changes a voucher of another, also one that is good everywhere; codes go to vouchers:codes alone.
"""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain import voucher as domain
from portal.domain.api_token import Scope
from portal.domain.voucher import Lasts
from portal.domain.voucher_table import TableWords, voucher_table
from portal.services.voucher_orders import IssuedVoucher, VoucherOrder, VoucherRefusal
from portal.web.api import models
from portal.web.api.answers import give, respond
from portal.web.api.api_site import ApiSite, Call
from portal.web.api.forbidding import forbid
from portal.web.api.operation import CSV
from portal.web.api.problems import OF_VOUCHERS, Problem, refuse


async def create(site: ApiSite, call: Call) -> web.Response:
    """Make vouchers, all or none."""
    wish = call.taken(models.NewVouchers)
    if wish.everywhere and call.me.sites is not None:
        return await forbid(site, call, Problem.OTHER_SITE)
    order = _order(site, call, wish)
    if order is None:
        return refuse(Problem.NO_SUCH_PRESET)
    made = await site.vouchers.make(order, call.by, call.now)
    if isinstance(made, VoucherRefusal):
        return refuse(OF_VOUCHERS[made])
    issued = [_issued(site, call, each) for each in made.issued]
    return give(models.MadeVouchers(vouchers=issued), 201)


async def latest(site: ApiSite, call: Call) -> web.Response:
    """List what was made last."""
    found = await site.vouchers.recent(call.here, call.asked(models.AtSiteLatest).count)
    if isinstance(found, VoucherRefusal):
        return refuse(OF_VOUCHERS[found])
    return give(models.VoucherList(vouchers=[_told(each, call) for each in found]))


async def show(site: ApiSite, call: Call) -> web.Response:
    """Say what became of a voucher."""
    return _answer(await _own(site, call), call)


async def revoke(site: ApiSite, call: Call) -> web.Response:
    """Turn a voucher off."""
    found = await _own(site, call)
    if not isinstance(found, VoucherRefusal):
        found = await site.vouchers.revoke(call.here, str(found.serial), call.by, call.now)
    return _answer(found, call)


async def extend(site: ApiSite, call: Call) -> web.Response:
    """Give a voucher more time."""
    length = timedelta(hours=call.taken(models.Longer).hours)
    found = await _own(site, call)
    if not isinstance(found, VoucherRefusal):
        found = await site.vouchers.extend(call.here, str(found.serial), length, call.by, call.now)
    return _answer(found, call)


async def reprint(site: ApiSite, call: Call) -> web.Response:
    """Tell a code again, or that of the voucher which goes on with what is left."""
    found = await _own(site, call)
    if isinstance(found, VoucherRefusal):
        return refuse(OF_VOUCHERS[found])
    printed = await site.vouchers.reprint(call.here, str(found.serial), call.by, call.now)
    if isinstance(printed, VoucherRefusal):
        return refuse(OF_VOUCHERS[printed])
    return give(
        models.ReprintedVoucher(
            voucher=_issued(site, call, printed.issued),
            replaces=str(found.serial) if printed.is_new else None,
        )
    )


async def revoke_series(site: ApiSite, call: Call) -> web.Response:
    """Turn off a batch, or what nobody has used of it."""
    letters, only_unused = call.named["letters"], call.taken(models.WhichOfSeries).only_unused
    count = await site.vouchers.revoke_series(
        call.here, letters, call.by, call.now, only_unused=only_unused
    )
    if isinstance(count, VoucherRefusal):
        return refuse(OF_VOUCHERS[count])
    return give(models.RevokedSeries(series=letters, revoked=count))


async def export(site: ApiSite, call: Call) -> web.Response:
    """List a series for a spreadsheet, without codes."""
    found = await site.vouchers.export(call.here, call.named["letters"], call.by, call.now)
    if isinstance(found, VoucherRefusal):
        return refuse(OF_VOUCHERS[found])
    rows = [(voucher, "") for voucher, _ in found]
    zone = ZoneInfo(site.settings.time_zone)
    return respond(voucher_table(rows, call.now, zone, TableWords()), f"{CSV}; charset=utf-8")


async def _own(site: ApiSite, call: Call) -> domain.Voucher | VoucherRefusal:
    """Return the voucher that the path names, if it is one of the token's sites."""
    found = await site.vouchers.find(call.here, call.named["serial"], call.now)
    if not isinstance(found, VoucherRefusal) and not call.me.works_at(found.site_id):
        return VoucherRefusal.NO_SUCH_VOUCHER
    return found


def _order(site: ApiSite, call: Call, wish: models.NewVouchers) -> VoucherOrder | None:
    presets = {each.id: each for each in site.settings.sites[call.here].voucher_presets}
    order = VoucherOrder(call.here, count=wish.count)
    if wish.preset is not None:
        if wish.preset not in presets:
            return None
        preset = presets[wish.preset]
        order = site.vouchers.order(call.here, preset, call.now, count=wish.count)
    if wish.hours is not None or wish.until is not None:
        length = None if wish.hours is None else timedelta(hours=wish.hours)
        order = replace(order, lasts=Lasts(length, wish.until))
    return replace(
        order,
        most_devices=wish.devices or order.most_devices,
        use_before=wish.use_before or order.use_before,
        starts_at=wish.starts_at,
        is_everywhere=wish.everywhere,
    )


def _answer(found: domain.Voucher | VoucherRefusal, call: Call) -> web.Response:
    if isinstance(found, VoucherRefusal):
        return refuse(OF_VOUCHERS[found])
    return give(_told(found, call))


def _told(voucher: domain.Voucher, call: Call) -> models.Voucher:
    length = voucher.lasts.length
    return models.Voucher(
        serial=str(voucher.serial),
        site=voucher.site_id,
        state=voucher.state(call.now),
        preset=voucher.preset or None,
        devices=voucher.devices,
        most_devices=voucher.most_devices,
        everywhere=voucher.is_everywhere,
        made_at=voucher.made_at,
        starts_at=voucher.starts_at,
        use_before=voucher.use_before,
        hours=None if length is None else length / timedelta(hours=1),
        until=voucher.lasts.until,
        ends_at=voucher.ends_at,
        revoked_at=voucher.revoked_at,
    )


def _issued(site: ApiSite, call: Call, issued: IssuedVoucher) -> models.IssuedVoucher:
    slip, may_see = issued.slip, call.me.has_all({Scope.CODES})
    return models.IssuedVoucher(
        **_told(issued.voucher, call).model_dump(),
        code=slip.code.reveal() if may_see else None,
        link=f"{site.settings.guest_origin}/v/{slip.token.reveal()}" if may_see else None,
    )
