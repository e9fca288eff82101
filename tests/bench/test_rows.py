"""What a benchmark's row says, and how it is written down."""

import json
from pathlib import Path

import pytest

from bench import rows
from bench.rows import Row, median, percentile, save, table


def test_a_ratio_is_to_the_floor_where_there_is_one() -> None:
    assert Row("login", 3.0, "ms", floor=1.5, peer_name="other", peer_value=6.0).ratio == 2.0


def test_a_ratio_is_to_the_peer_without_a_floor() -> None:
    assert Row("down", 3.0, "Gbit/s", peer_name="plain NAT", peer_value=4.0).ratio == 0.75


@pytest.mark.parametrize("floor", [None, 0.0])
def test_there_is_no_ratio_to_nothing(floor: float | None) -> None:
    assert Row("memory", 50.0, "MB", floor=floor).ratio is None


def test_a_row_is_written_with_four_digits_and_every_key() -> None:
    row = Row("down", 1.23456, "Gbit/s", peer_name="plain NAT", peer_value=2.0, goal=">= 0.9",
              holds=False, runs=10)  # fmt: skip
    assert row.as_json() == {
        "what": "down",
        "value": 1.235,
        "unit": "Gbit/s",
        "floor": None,
        "peer": {"name": "plain NAT", "value": 2.0},
        "ratio": 0.6173,
        "goal": ">= 0.9",
        "holds": False,
        "runs": 10,
    }


def test_a_row_without_a_peer_has_none() -> None:
    assert Row("login", 1.0, "ms").as_json()["peer"] is None


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 95) == 96.0
    assert percentile(values, 99) == 100.0
    assert percentile(values, 100) == 100.0
    assert percentile([7.0], 50) == 7.0


def test_a_median_does_not_ask_for_order() -> None:
    assert median([9.0, 1.0, 5.0]) == 5.0


def test_rows_are_saved_under_the_benchmarks_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "RESULTS", tmp_path / "results")
    path = save("login", [Row("login", 1.0, "ms")])
    assert path == tmp_path / "results" / "login.json"
    assert [row["what"] for row in json.loads(path.read_text())] == ["login"]


def test_a_table_is_aligned_and_says_which_goal_was_missed() -> None:
    lines = table([
        Row("login", 3.0, "ms", floor=1.0, goal="ratio <= 2", holds=False),
        Row("memory", 50.0, "MB", goal="< 60 MB", holds=True),
    ]).splitlines()  # fmt: skip
    assert [line.split()[-1] for line in lines] == ["holds", "NO", "yes"]
    assert lines[1].index("ms") == lines[2].index("MB") == lines[0].index("unit")
