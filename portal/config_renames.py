"""PURE: keys of earlier releases, read under the names they have now.

Not a place for keys whose meaning changed: those are refused, with what to write instead. The rule
to keep: a row stays for two releases, and whoever reads an old key is told the new one.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

RENAMED: Mapping[str, str] = {}
"""Old key to new one, in the same table: ``"sites.devices_per_card": "devices_for_each_card"``.

Nothing has been renamed since the first release.
"""

Document = dict[str, Any]


def with_new_names(document: Document, renamed: Mapping[str, str]) -> tuple[Document, list[str]]:
    """Return the file's content under its new keys, and a warning for each old one.

    Where both stand, the new one holds and the warning says so.
    """
    result, warnings = deepcopy(document), list[str]()
    for old, new in renamed.items():
        *tables, key = old.split(".")
        name = ".".join([*tables, new])
        for table in _tables(result, tables):
            if key not in table:
                continue
            value = table.pop(key)
            if new in table:
                warnings.append(f"{old} is now {name}, which stands there too: remove {old}")
            else:
                table[new] = value
                warnings.append(f"{old} is now {name}: rename it before the release after next")
    return result, list(dict.fromkeys(warnings))


def _tables(document: object, path: list[str]) -> Iterator[Document]:
    """Yield the tables at a path; an array of tables is all of its tables."""
    if isinstance(document, list):
        for item in document:
            yield from _tables(item, path)
    elif isinstance(document, dict):
        if not path:
            yield document
        elif path[0] in document:
            yield from _tables(document[path[0]], path[1:])
