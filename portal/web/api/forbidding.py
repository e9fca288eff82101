"""The answer to a token that may not: 403, and one event that tells IT.

The rule to keep: what is written down is the operation from our table, never what was sent.
"""

from aiohttp import web

from portal.services.ports import EVERYWHERE, Event, EventKind
from portal.web.api.api_site import ApiSite, Call
from portal.web.api.problems import Problem, refuse


async def forbid(site: ApiSite, call: Call, problem: Problem) -> web.Response:
    """Refuse what a token's scopes or sites do not give."""
    detail = {"token": call.me.name, "operation": call.operation_id, "why": problem.code}
    await site.events.record(Event(EventKind.API_REFUSED, EVERYWHERE, call.now, detail=detail))
    scopes = " ".join(sorted(call.scopes))
    told = f'Bearer error="insufficient_scope", scope="{scopes}"'
    return refuse(problem, headers={"WWW-Authenticate": told})
