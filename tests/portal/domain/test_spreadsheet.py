import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.spreadsheet import BYTE_ORDER_MARK, to_csv


def read(text: str) -> list[list[str]]:
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))


@pytest.mark.parametrize(
    "cell",
    [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
    ],
)
def test_what_a_program_could_run_is_text(cell: str) -> None:
    text = to_csv([[cell]])
    assert text == BYTE_ORDER_MARK + f'"\'{cell}"\r\n'
    assert read(text) == [[f"'{cell}"]]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), min_size=1))
def test_every_table_is_read_as_it_was_but_for_formulas(rows: list[list[str]]) -> None:
    rows = [row if row != [""] else ["x"] for row in rows]  # csv reads that one as no cell
    back = read(to_csv(rows))
    assert [[cell.removeprefix("'") for cell in row] for row in back] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    for row in back:
        for cell in row:
            assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


def test_plain_cells_stay_plain() -> None:
    assert to_csv([["A-0001", "ledig"], ["", "a;b"], ['say "hi"', "x"]]) == (
        BYTE_ORDER_MARK + 'A-0001;ledig\r\n;"a;b"\r\n"say ""hi""";x\r\n'
    )
