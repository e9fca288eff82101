"""docs/api.md: each example is run as it stands there, and answered as it says there."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from portal.domain.api_token import Scope
from portal.web.api.operations import OPERATIONS
from portal.web.api.problems import Problem
from tests.portal.web.api.api_under_test import ApiWorld

pytestmark = pytest.mark.program

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, Any]]:
    """Return each command, and the answer that is shown below it; None: none is."""
    found: list[tuple[str, Any]] = []
    for kind, text in BLOCK.findall(TEXT):
        if kind == "sh":
            found.append((text, None))
        else:
            found[-1] = (found[-1][0], json.loads(text))
    return found


def outline(told: Any) -> Any:
    """Return what is the same in every answer of a kind: its keys and the kinds of its values."""
    match told:
        case dict():
            return {name: outline(value) for name, value in told.items()}
        case list():
            return [outline(value) for value in told]
    return type(told).__name__


async def run(command: str, directory: Path, address: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", command),
        cwd=directory,
        env={"KVAR": address, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, (command, output, errors)
    return output.decode()


async def test_every_example_does_what_it_says(api: ApiWorld, tmp_path: Path) -> None:
    program = await api.program()
    (tmp_path / "kvar.header").write_text(f"Authorization: Bearer {program.token}\n")
    address = f"http://localhost:{api.staff.port}"
    shown = 0
    for command, expected in examples():
        answer = await run(command, tmp_path, address)
        if expected is not None:
            assert outline(json.loads(answer)) == outline(expected), command
            shown += 1
    assert shown >= 5
    rows = await api.staff.database.fetch("SELECT letters, revoked_at FROM voucher")
    assert len(rows) == 31
    assert all(row["revoked_at"] for row in rows)


def test_every_operation_has_an_example() -> None:
    commands = "\n".join(command for command, _ in examples())
    for each in OPERATIONS:
        path = each.path.format(serial="A-0001", letters="B")
        assert f"{path}" in commands or each.id == "document"


def test_every_scope_and_every_kind_of_refusal_is_told() -> None:
    assert all(f"| `{scope}` |" in TEXT for scope in Scope)
    told = {401, 403, 404, 409, 422, 429, 503}
    rare = {400, 405, 408, 413, 415, 421, 500}
    assert {problem.status for problem in Problem} == told | rare
    table = TEXT.partition("| status |")[2].partition("\n\n")[0]
    assert all(str(status) in table for status in told)
