"""What a request carries, read with limits and judged by its model.

The rule to keep: nothing is read that the headers already show to be too much or of a wrong kind;
a fault says where it is and what would be right, never what was sent.
"""

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, ValidationError

from portal.web.api.models import Fault
from portal.web.api.problems import Problem, refuse
from portal.web.body import CutShortError, read_at_most

LARGEST_BODY = 8192
"""Bytes. What is asked for here takes 300."""

_MOST_FAULTS = 10


def read_query(request: web.BaseRequest, kind: type[BaseModel]) -> BaseModel | web.Response:
    """Return what stands behind the path's question mark."""
    asked = request.query
    twice = {name for name in asked if len(asked.getall(name)) > 1}
    if twice:
        faults = [Fault(pointer="", detail="A name stands in the query twice.")]
        return refuse(Problem.WRONG_INPUT, faults=faults)
    try:
        return kind.model_validate_strings(dict(asked))
    except ValidationError as error:
        return refuse(Problem.WRONG_INPUT, faults=_faults(error, ""))


async def read_body(
    request: web.BaseRequest, kind: type[BaseModel] | None
) -> BaseModel | web.Response | None:
    """Return the body; None where none is taken and none came."""
    if kind is None:
        if not request.can_read_body:
            return None
        faults = [Fault(pointer="", detail="This takes no body.")]
        return refuse(Problem.WRONG_INPUT, faults=faults)
    if problem := _problem_in_headers(request):
        return refuse(problem)
    try:
        body = await read_at_most(request, LARGEST_BODY)
    except CutShortError:
        return refuse(Problem.CUT_SHORT)
    return refuse(Problem.TOO_LARGE) if body is None else _parsed(body, kind)


def _parsed(body: bytes, kind: type[BaseModel]) -> BaseModel | web.Response:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_url=False)):
            return refuse(Problem.UNREADABLE)
        return refuse(Problem.WRONG_INPUT, faults=_faults(error, "/"))


def _faults(error: ValidationError, before: str) -> list[Fault]:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        Fault(pointer=_pointer(each["loc"], before, each["type"]), detail=each["msg"])
        for each in told[:_MOST_FAULTS]
    ]


def _pointer(where: Sequence[int | str], before: str, kind: str) -> str:
    """Return where a fault is; of a key that is none of ours, only the place where it stands."""
    known = where[:-1] if kind == "extra_forbidden" else where
    return "".join(f"{before}{part}" for part in known)


def _problem_in_headers(request: web.BaseRequest) -> Problem | None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Problem.NOT_JSON
    if request.content_type != "application/json":
        return Problem.NOT_JSON
    return Problem.TOO_LARGE if (request.content_length or 0) > LARGEST_BODY else None
