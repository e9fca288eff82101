"""The document and the table of operations say the same."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from portal.domain.api_token import Scope
from portal.web.api.openapi import document
from portal.web.api.operation import Operation, Table
from portal.web.api.operations import OPERATIONS
from tests.portal.web.api.api_under_test import ApiWorld, Program, told

DOCUMENT = document(OPERATIONS)


def told_of() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, about in methods.items():
            yield method.upper(), path, about


def test_the_document_has_every_operation_and_no_other() -> None:
    documented = {(method, path) for method, path, _ in told_of()}
    assert documented == {(each.method, each.path) for each in OPERATIONS}
    ids = [about["operationId"] for _, _, about in told_of()]
    assert ids == [each.id for each in sorted(OPERATIONS, key=_order)]
    assert len(set(ids)) == len(ids)


def _order(operation: Operation) -> tuple[int, int]:
    paths = list(DOCUMENT["paths"])
    methods = list(DOCUMENT["paths"][operation.path])
    return paths.index(operation.path), methods.index(operation.method.lower())


def test_every_operation_is_told_with_all_that_it_asks_and_answers() -> None:
    table = {(each.method, each.path): each for each in OPERATIONS}
    for method, path, about in told_of():
        each = table[method, path]
        expected = {each.status, *(problem.status for problem in each.may_meet())}
        assert set(about["responses"]) == set(map(str, expected))
        assert ("requestBody" in about) == (each.takes is not None)
        asked = {(one["in"], one["name"]) for one in about["parameters"]}
        names = {("path", name) for name in each.names}
        assert asked == names | {("query", name) for name in each.query.model_fields}
        scopes = [] if each.scopes is None else [{"token": sorted(each.scopes)}]
        assert about["security"] == scopes


def test_every_scope_opens_something_and_only_the_document_is_open() -> None:
    assert frozenset().union(*(each.scopes or () for each in OPERATIONS)) == set(Scope)
    assert [each.id for each in OPERATIONS if each.scopes is None] == ["document"]


def test_a_table_with_two_of_a_kind_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="the same method and path"):
        Table([*OPERATIONS, OPERATIONS[0]])


async def test_the_site_gives_the_document(api: ApiWorld) -> None:
    served = told(await Program(api.staff.port, "").get("/openapi.json"))
    assert served == DOCUMENT


@pytest.mark.program
def test_the_command_line_gives_the_document() -> None:
    command = [sys.executable, "-m", "portal", "api", "openapi"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == DOCUMENT
