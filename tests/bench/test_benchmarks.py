"""Every benchmark's smallest configuration runs to its end. How fast is not asked here."""

import pytest

from bench import gate, log, login, presence, radius, vouchers
from bench.__main__ import main
from bench.rows import Row

pytestmark = pytest.mark.root


def test_login_measures_ours_and_the_floor() -> None:
    rows = login.measure(login.Size(logins=2, preloaded=5, at_once=2, rounds=1))
    first = rows[0]
    assert first.floor is not None
    assert first.floor > 0  # the library system's time, taken out, may be all of so few log-ins
    assert {"ratio <= 2", "< 10 ms", "< 150 ms"} <= {row.goal for row in rows}


def test_gate_measures_changes_packets_traffic_and_memory() -> None:
    smallest = gate.Size(
        few=1,
        many=4,
        most=8,
        turns=2,
        connections=20,
        whole_turns=1,
        bursts=1,
        rounds=1,
        seconds=0.1,
        hearing_seconds=0.2,
        asked=3,
        sessions=2,
    )
    rows = gate.measure(smallest)
    # a share of a core may well be nothing in so short a time
    assert all(row.value > 0 for row in rows if not row.what.startswith(("hearing", "asking")))
    for start in ("admit at", "expel in", "reconcile", "read all", "hearing", "asking", "one small",
                  "TCP down", "TCP up", "new connections", "memory of kvar gate"):  # fmt: skip
        assert _rows_that_begin(rows, start), start


def test_presence_measures_the_pure_part_and_whole_rounds() -> None:
    rows = presence.measure(presence.Size(devices=(3, 20), rounds=1))
    assert all(row.value > 0 for row in rows)
    for start in ("presence, pure part", "presence, whole round, 20 devices, all busy"):
        assert _rows_that_begin(rows, start), start


def test_vouchers_measures_making_using_the_desk_and_a_flood() -> None:
    smallest = vouchers.Size(batch=25, live=30, logins=3, waiting=2, looks=2, guesses=200)
    rows = vouchers.measure(smallest)
    assert all(row.holds for row in rows if row.goal and row.unit != "s")
    for start in ("making 25", "PDF of 25", "using a voucher", "the desk's board", "200 guesses"):
        assert _rows_that_begin(rows, start), start


def test_the_log_measures_every_filter_beside_psql() -> None:
    rows = log.measure(log.Size(sessions=3000, events_one_in=2, runs=2, pages=5))
    assert all(row.value > 0 for row in rows if not row.what.endswith("memory grew by"))
    assert all(row.floor for row in rows if row.what.startswith("log, "))
    for start in (
        "log, everything",
        "log, a rare",
        "one session's",
        "a device under",
        "reading on",
    ):
        assert _rows_that_begin(rows, start), start


def test_radius_measures_kvar_beside_freeradius_and_the_floor() -> None:
    smallest = radius.Size(
        devices=20, logins=500, records=1_600, peer_records=1_600, warm_up=50, seconds=0.2, rounds=1
    )
    rows = radius.measure(smallest)
    for start in ("MAC authentication from memory", "PAP with a login token", "accounting, after",
                  "memory of kvar radius with 20", "CPU of other programs"):  # fmt: skip
        assert _rows_that_begin(rows, start), start
    # However slow the machine is: every answer was right, and what was acknowledged is kept.
    for start in ("Kvar: sessions kept", "FreeRADIUS: sessions kept", "trials with a lost"):
        assert [row.holds for row in _rows_that_begin(rows, start)] == [True], start


def _rows_that_begin(rows: list[Row], start: str) -> list[Row]:
    return [row for row in rows if row.what.startswith(start)]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert "there are: gate, log, login, presence, radius, vouchers" in capsys.readouterr().out
