"""PURE: small numbers, withheld so that no total gives them back.

Not which numbers are people's doings. The rule to keep: withheld over every row of a table, whoever
looks at which.
"""

from collections.abc import Sequence

from portal.domain.statistics import FEW

WITHHELD = -1
"""Stands in the place of a count of 1 to FEW - 1, and of what would give one away."""


def column(counts: Sequence[int | None]) -> list[int | None]:
    """Withhold in the libraries' counts of one kind; the last is their total."""
    table = withhold([[count or 0] for count in counts[:-1]])
    told = [None if count is None else row[0] for count, row in zip(counts, table, strict=False)]
    total = counts[-1]
    return [*told, WITHHELD if total and total < FEW else total]


def withhold(table: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the table (a row a library) with small counts withheld, and others that hide them.

    Each column's total is told. Where exactly one of a column is withheld, the total gives it back,
    and so it does where all withheld are 1, or all FEW - 1: so the smallest other goes too. Where
    there is no other, nothing hides them but that a total below FEW is not told.
    """
    told = [[WITHHELD if 0 < count < FEW else count for count in row] for row in table]
    for column in range(len(table[0]) if table else 0):
        hidden = [row[column] for row in table if 0 < row[column] < FEW]
        is_given_away = len(hidden) == 1 or sum(hidden) in {len(hidden), len(hidden) * (FEW - 1)}
        shown = [row for row in told if row[column] > 0]
        if hidden and is_given_away and shown:
            min(shown, key=lambda row: row[column])[column] = WITHHELD
    return told
