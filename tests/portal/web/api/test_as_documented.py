"""Whatever fits the OpenAPI document is answered as it says, and what does not fit is refused.

schemathesis reads the document and makes the requests; they go over a socket to the real
application on a real PostgreSQL. Of the serials and series that it makes up hardly one exists, so
half of its requests are led to some that do.
"""

import asyncio
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.web.api.openapi import document
from portal.web.api.operations import OPERATIONS
from tests.portal.web.api.api_under_test import ApiWorld, told

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 30
"""For each operation, of each kind."""

MADE = {"serial": [f"B-{number:04}" for number in range(1, 21)], "letters": ["A", "B"]}


@cache
def operations() -> dict[str, Any]:
    """Read the document; that takes a second, so no worker does it that only looks for tests."""
    schema = schemathesis.openapi.from_dict(document(OPERATIONS))
    found = [operation.ok() for operation in schema.get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


def test_no_operation_is_left_out() -> None:
    assert set(operations()) == {each.id for each in OPERATIONS}


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", [each.id for each in OPERATIONS])
async def test_it_is_answered_as_the_document_says(
    api: ApiWorld, name: str, mode: GenerationMode
) -> None:
    operation = operations()[name]
    program = await api.program()
    for count in (1, 20):
        told(await program.post("/vouchers", {"count": count}))
    address = f"http://localhost:{api.staff.port}"
    headers = {"Authorization": f"Bearer {program.token}"}
    is_fitting = mode is GenerationMode.POSITIVE
    if not is_fitting and not (operation.query or operation.body or operation.path_parameters):
        return  # there is nothing in it that could be wrong
    checks = CHECKS if is_fitting else [*CHECKS, negative_data_rejection]
    statuses: set[int] = set()

    @seed(20261126)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), picked=st.data())
    def ask(case: Any, picked: st.DataObject) -> None:
        api.staff.time.passes(seconds=1)  # else its budget would be spent
        if is_fitting and case.path_parameters and picked.draw(st.booleans()):
            for part in case.path_parameters:
                case.path_parameters[part] = picked.draw(st.sampled_from(MADE[part]))
        response = case.call(base_url=address, headers=headers)
        statuses.add(response.status_code)
        case.validate_response(response, checks=checks)

    await asyncio.to_thread(ask)
    assert 429 not in statuses
    assert not is_fitting or statuses & {200, 201}, statuses
