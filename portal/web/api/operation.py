"""An operation of the API, and the table in which one is found by method and path.

Not a router that guesses: a path is segments, of which some are named and have a shape. The rule
to keep: what the document says (openapi.py) and what is done (application.py) are read from here.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from portal.domain.api_token import Scope
from portal.web.api.api_site import ApiSite, Call
from portal.web.api.models import SERIAL, SERIES, NoQuery
from portal.web.api.problems import Problem

Method = Literal["GET", "POST"]
Handler = Callable[[ApiSite, Call], Awaitable[web.Response]]

SHAPES: Mapping[str, str] = MappingProxyType({"serial": SERIAL, "letters": SERIES})
"""What a path may name, and how that is written."""

CSV = "text/csv"
DOCUMENT = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """``scopes`` None: anybody may; empty: any token may. ``gives``: a model, or a media type.

    ``problems`` are those of its own, besides what every operation of its kind may meet.
    """

    id: str
    method: Method
    path: str
    summary: str
    handler: Handler
    gives: type[BaseModel] | str
    scopes: frozenset[Scope] | None
    at_site: bool = True
    query: type[BaseModel] = NoQuery
    takes: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[Problem, ...] = ()

    def may_meet(self) -> frozenset[Problem]:
        """Return every problem that it may answer with."""
        met = {Problem.WRONG_INPUT, Problem.AWAY, Problem.BROKEN, *self.problems}
        if self.scopes is not None:
            met |= {Problem.NO_GOOD_TOKEN, Problem.TOO_MANY}
        if self.scopes:
            met |= {Problem.SCOPE_MISSING}
        if self.at_site:
            met |= {Problem.OTHER_SITE, Problem.NO_SUCH_SITE, Problem.SITE_MISSING}
        if self.takes is not None:
            met |= {Problem.UNREADABLE, Problem.NOT_JSON, Problem.TOO_LARGE, Problem.CUT_SHORT}
        if "{" in self.path:
            met |= {Problem.NO_SUCH_PATH}
        return frozenset(met)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what its path names."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))


@dataclass(frozen=True, slots=True)
class Found:
    """An operation, and what the path names."""

    operation: Operation
    named: Mapping[str, str]


class Table:
    """Operations by method and path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self._patterns = [(_pattern(each.path), each) for each in self.operations]
        keys = {(each.method, each.path) for each in self.operations}
        if len(keys) < len(self.operations):
            raise ValueError("two operations have the same method and path")

    def find(self, method: str, path: str) -> Found | frozenset[str]:
        """Return what answers there, or the methods that the path takes; HEAD is asked of GET."""
        wanted = "GET" if method == "HEAD" else method
        matches = [
            (match, each) for pattern, each in self._patterns if (match := pattern.fullmatch(path))
        ]
        for match, each in matches:
            if each.method == wanted:
                return Found(each, match.groupdict())
        methods = {each.method for _, each in matches}
        return frozenset({*methods, "HEAD"} if "GET" in methods else methods)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    texts, names = parts[::2], parts[1::2]
    shapes = [f"(?P<{name}>{SHAPES[name]})" for name in names]
    return re.compile("".join(map("".join, zip(map(re.escape, texts), [*shapes, ""], strict=True))))
