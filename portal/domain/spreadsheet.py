"""Tables for spreadsheet programs: CSV that Excel opens with a press, and that runs nothing.

Not what stands in the cells. The rule to keep: a cell that a program could take for a formula is
written as text (OWASP, "CSV Injection").
"""

from collections.abc import Iterable, Sequence

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it Excel takes UTF-8 for the machine's own code page."""

SEPARATOR = ";"
"""What Excel expects where the comma is the decimal sign, as in Swedish."""

_STARTS_A_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_MUST_BE_QUOTED = frozenset(f'{SEPARATOR}"\r\n\t')


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return the table as text, to be encoded as UTF-8; lines end as RFC 4180 wants."""
    return BYTE_ORDER_MARK + "".join(map(csv_line, rows))


def csv_line(row: Sequence[str]) -> str:
    """Return one line of such a table; the byte order mark goes before the first."""
    return SEPARATOR.join(map(_cell, row)) + "\r\n"


def _cell(text: str) -> str:
    is_formula = text[:1] in _STARTS_A_FORMULA if text else False
    safe = f"'{text}" if is_formula else text
    if is_formula or not _MUST_BE_QUOTED.isdisjoint(safe):
        return '"' + safe.replace('"', '""') + '"'
    return safe
