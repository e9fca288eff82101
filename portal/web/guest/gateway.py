"""The questions of gateways that ask whom to let in, at the address to which they send visitors.

Not the questions' form, and not what they are told (portal/access_points). The rules to keep: a
gateway reads text, never a page, and understands every other status but 200 as "not now"; and
nothing is answered in clear, for what is answered lets devices in.
"""

from collections.abc import Mapping

import structlog
from aiohttp import web

from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.access_points import AccessPoints, Unbelieved
from portal.web.forms import FormFault, read_form
from portal.web.guest import answers
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.visit import Visit

WORD = "auth_get"
"""What a question holds and no visitor's address does."""

_LONGEST_FIELD = 4096

_log = structlog.get_logger()


def asks(request: web.BaseRequest) -> bool:
    """Say whether a request to an access point's address is a gateway's, and no visitor's.

    openNDS to version 10 posts a form; what has no PHP asks with a query (`wget_request`).
    """
    return request.method == "POST" or (request.method == "GET" and WORD in request.query)


async def answer(site: GuestSite, visit: Visit, points: AccessPoints, client: str) -> web.Response:
    """Answer a gateway."""
    fields = await _fields(site, visit.request)
    if isinstance(fields, FormFault):
        response = answers.plain("Not understood.\n", status=400)
        response.force_close()
        return response
    told: str | Unbelieved = Unbelieved.UNKNOWN_GATEWAY
    if visit.encrypted:
        try:
            told = await points.answer_gateway(client, fields, visit.browser, visit.now)
        except DatabaseUnavailableError:
            return answers.plain("Not now.\n", status=503)
    if isinstance(told, Unbelieved):
        _log.warning("gateway_not_believed", reason=told.value)
        return answers.plain("Refused.\n", status=403)
    return answers.plain(told)


async def _fields(site: GuestSite, request: web.BaseRequest) -> Mapping[str, str] | FormFault:
    if request.method == "GET":
        return {name: request.query[name] for name in request.query}  # the first of each
    return await read_form(request, site.own_hosts, longest_field=_LONGEST_FIELD)
