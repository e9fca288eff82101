"""Every operation of the API: the one table of what there is and who may do it."""

from aiohttp import web

from portal.domain.api_token import Scope
from portal.web.api import models, openapi, vouchers
from portal.web.api.answers import give, respond
from portal.web.api.api_site import ApiSite, Call
from portal.web.api.operation import CSV, DOCUMENT, Operation
from portal.web.api.problems import Problem

_READ, _WRITE = frozenset({Scope.READ}), frozenset({Scope.WRITE})
_VOUCHER = "/api/v1/vouchers/{serial}"
_SERIES = "/api/v1/series/{letters}"


async def _document(_site: ApiSite, _call: Call) -> web.Response:
    return respond(openapi.document_text(OPERATIONS), DOCUMENT)


async def _token(site: ApiSite, call: Call) -> web.Response:
    me = call.me
    facts = models.TokenFacts(
        name=me.name,
        scopes=sorted(me.scopes),
        sites=list(me.sites_among(site.settings.sites)),
        expires_at=me.expires_at,
    )
    return give(facts)


OPERATIONS = (
    Operation(
        id="document",
        method="GET",
        path="/api/v1/openapi.json",
        summary="This document",
        handler=_document,
        gives=DOCUMENT,
        scopes=None,
        at_site=False,
    ),
    Operation(
        id="token",
        method="GET",
        path="/api/v1/token",
        summary="What the token may do",
        handler=_token,
        gives=models.TokenFacts,
        scopes=frozenset(),
        at_site=False,
    ),
    Operation(
        id="create_vouchers",
        method="POST",
        path="/api/v1/vouchers",
        summary="Make vouchers, all or none; their codes are told with vouchers:codes",
        handler=vouchers.create,
        gives=models.MadeVouchers,
        scopes=_WRITE,
        query=models.AtSite,
        takes=models.NewVouchers,
        status=201,
        problems=(Problem.NOT_OFFERED, Problem.NO_SUCH_PRESET, Problem.IMPOSSIBLE),
    ),
    Operation(
        id="latest_vouchers",
        method="GET",
        path="/api/v1/vouchers",
        summary="The vouchers made last at the site, the newest first",
        handler=vouchers.latest,
        gives=models.VoucherList,
        scopes=_READ,
        query=models.AtSiteLatest,
    ),
    Operation(
        id="voucher",
        method="GET",
        path=_VOUCHER,
        summary="What became of a voucher",
        handler=vouchers.show,
        gives=models.Voucher,
        scopes=_READ,
        query=models.AtSite,
        problems=(Problem.NO_SUCH_VOUCHER,),
    ),
    Operation(
        id="revoke_voucher",
        method="POST",
        path=f"{_VOUCHER}/revoke",
        summary="Turn a voucher off: its devices are offline before the answer comes",
        handler=vouchers.revoke,
        gives=models.Voucher,
        scopes=_WRITE,
        query=models.AtSite,
        problems=(Problem.NO_SUCH_VOUCHER,),
    ),
    Operation(
        id="extend_voucher",
        method="POST",
        path=f"{_VOUCHER}/extend",
        summary="Give a voucher more time, and whoever is online by it",
        handler=vouchers.extend,
        gives=models.Voucher,
        scopes=_WRITE,
        query=models.AtSite,
        takes=models.Longer,
        problems=(Problem.NO_SUCH_VOUCHER, Problem.OVER, Problem.IMPOSSIBLE),
    ),
    Operation(
        id="reprint_voucher",
        method="POST",
        path=f"{_VOUCHER}/reprint",
        summary="The code of an unused voucher again; a used one gets a new voucher and code",
        handler=vouchers.reprint,
        gives=models.ReprintedVoucher,
        scopes=frozenset({Scope.WRITE, Scope.CODES}),
        query=models.AtSite,
        problems=(Problem.NO_SUCH_VOUCHER, Problem.OVER),
    ),
    Operation(
        id="revoke_series",
        method="POST",
        path=f"{_SERIES}/revoke",
        summary="Turn off what was made in one act, or what nobody has used of it",
        handler=vouchers.revoke_series,
        gives=models.RevokedSeries,
        scopes=_WRITE,
        query=models.AtSite,
        takes=models.WhichOfSeries,
        problems=(Problem.NO_SUCH_VOUCHER, Problem.NOT_A_BATCH),
    ),
    Operation(
        id="export_series",
        method="GET",
        path=f"{_SERIES}/export",
        summary="A series as CSV for spreadsheets, without codes",
        handler=vouchers.export,
        gives=CSV,
        scopes=_READ,
        query=models.AtSite,
        problems=(Problem.NO_SUCH_VOUCHER,),
    ),
)
