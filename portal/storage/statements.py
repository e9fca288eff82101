"""Named SQL: each repository's statements stand in a .sql file of its own name.

Not a query builder: the text is sent as written, values only as parameters. The rule to keep:
a block begins with ``-- name: <name>`` and ends at the next one.
"""

import re
from dataclasses import fields
from importlib import resources
from typing import Any

from asyncpg import Record

_NAME = re.compile(r"^-- name: ([a-z_]+)\s*$", re.MULTILINE)


def load_statements(repository: str) -> dict[str, str]:
    """Return the statements of ``<repository>.sql`` by name.

    Raises:
        FileNotFoundError: there is no such file in the package.
        ValueError: a name occurs twice, or there is SQL before the first name.
    """
    text = resources.files("portal.storage").joinpath(f"{repository}.sql").read_text("utf-8")
    return parse_statements(text)


def known_columns(kind: Any, row: Record) -> dict[str, Any]:
    """Return the columns that a dataclass has; a next release may have added some to the table."""
    return {field.name: row[field.name] for field in fields(kind)}


def parse_statements(text: str) -> dict[str, str]:
    """Split the text of a file into its statements.

    Raises:
        ValueError: a name occurs twice, or there is SQL before the first name.
    """
    head, *parts = _NAME.split(text)
    names, bodies = parts[::2], parts[1::2]
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError("there is SQL before the first name")
    if len(set(names)) != len(names):
        raise ValueError("a name occurs twice")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
