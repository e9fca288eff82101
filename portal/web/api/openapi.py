"""The API's OpenAPI 3.1 document, made from the table of operations and the models.

Not written by hand anywhere: what is not in the table is not in it. The rule to keep: an answer
that the document does not name is never given.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.web.api.models import ProblemDetails
from portal.web.api.operation import SHAPES, Operation
from portal.web.api.problems import Problem

_REFERENCE = "#/components/schemas/{model}"
_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    403: {"WWW-Authenticate": "Bearer, with the scope that is missing"},
    429: {"Retry-After": "Seconds"},
    503: {"Retry-After": "Seconds"},
}

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]


@cache
def document_text(operations: tuple[Operation, ...]) -> str:
    """Return the document as JSON; made once, because anybody may ask for it."""
    return json.dumps(document(operations), indent=2, ensure_ascii=False)


def document(operations: Sequence[Operation]) -> Json:
    """Return the document."""
    paths: dict[str, Json] = defaultdict(dict)
    for each in operations:
        paths[each.path][each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kvar",
            "version": "1",
            "description": "Vouchers for the guest network, for other programs of the library.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "paths": dict(paths),
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by: kvar token create",
                }
            },
        },
    }


def _operation(operation: Operation) -> Json:
    told: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [*map(_named, operation.names), *_asked(operation.query)],
        "responses": _responses(operation),
        "security": [] if operation.scopes is None else [{"token": sorted(operation.scopes)}],
    }
    if operation.takes is not None:
        content = {"application/json": {"schema": _refer(operation.takes)}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _named(name: str) -> Json:
    schema = {"type": "string", "pattern": f"^{SHAPES[name]}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _asked(query: type[BaseModel]) -> Iterable[Json]:
    schema = query.model_json_schema()
    for name, about in schema.get("properties", {}).items():
        described = {key: value for key, value in about.items() if key != "title"}
        description = described.pop("description", "")
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": description,
            "schema": described,
        }


def _responses(operation: Operation) -> Json:
    told: Json = {str(operation.status): _success(operation)}
    by_status: dict[int, list[Problem]] = defaultdict(list)
    for problem in Problem:
        if problem in operation.may_meet():
            by_status[problem.status].append(problem)
    for status, problems in by_status.items():
        told[str(status)] = _refusal(status, problems)
    return told


def _success(operation: Operation) -> Json:
    if isinstance(operation.gives, str):
        kind = "object" if operation.gives == "application/json" else "string"
        return {
            "description": operation.summary,
            "content": {operation.gives: {"schema": {"type": kind}}},
        }
    content = {"application/json": {"schema": _refer(operation.gives)}}
    return {"description": operation.summary, "content": content}


def _refusal(status: int, problems: Iterable[Problem]) -> Json:
    told: Json = {
        "description": " ".join(f"`{problem.code}`: {problem.detail}" for problem in problems),
        "content": {"application/problem+json": {"schema": _refer(ProblemDetails)}},
    }
    if status in _HEADERS:
        told["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in _HEADERS[status].items()
        }
    return told


def _schemas(operations: Iterable[Operation]) -> Mapping[str, Json]:
    taken = {each.takes for each in operations if each.takes is not None}
    given = {each.gives for each in operations if not isinstance(each.gives, str)}
    wanted: list[tuple[type[BaseModel], Mode]] = [(model, "validation") for model in taken]
    wanted += [(model, "serialization") for model in given | {ProblemDetails}]
    wanted.sort(key=lambda pair: pair[0].__name__)
    _, schema = models_json_schema(wanted, ref_template=_REFERENCE)
    found: Mapping[str, Json] = schema["$defs"]
    return found


def _refer(model: type[BaseModel]) -> Json:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
