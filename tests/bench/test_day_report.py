"""The figures of a day beside each other, and a stranger's packets by the minute."""

from bench.day.count import LoggedOut, Seen
from bench.day.play import Played, together
from bench.day.report import rows, text
from bench.day.scenario import Fault, Size, draw

OUT = LoggedOut(3, 50, returning=False, seen="page 302")
OURS = Played("Kvar", Seen(waits_s=[1.0, 3.0]), 3, (), ("with a card",))
PEER = Played("other", Seen(logged_out=[OUT, OUT]), 1, (Fault.KEEPER_KILLED,), ())


def test_each_figure_stands_beside_each_peer() -> None:
    found = [row for row in rows([OURS, PEER]) if row.what == "involuntary log-outs"]
    assert [(row.value, row.peer_name, row.peer_value, row.holds) for row in found] == [
        (0.0, "other", 2.0, True)
    ]


def test_a_goal_that_was_missed_is_told() -> None:
    missed = [row.what for row in rows([PEER]) if row.holds is False]
    assert missed == ["involuntary log-outs"]


def test_what_has_no_goal_holds_nothing() -> None:
    assert {row.holds for row in rows([OURS]) if not row.goal} == {None}


def test_the_table_names_seed_terms_and_what_does_not_exist() -> None:
    told = text(draw(7, Size(minutes=30, devices=5, tutorings=2, faults=3)), 2.0, [OURS, PEER])
    assert "30 min of a day in 60 s, seed 7:" in told
    assert "5 devices, 2 tutorings, 3 faults" in told
    assert "Kvar: with a card" in told
    assert "other: faults that do not exist for it: keeper killed" in told


def test_a_product_that_nobody_logged_in_to_has_no_wait() -> None:
    median = next(
        line for line in text(draw(7, Size()), 1.0, [OURS, PEER]).splitlines() if "median" in line
    )
    assert median.split()[-2:] == ["3.0s", "-"]


def test_what_many_saw_is_added_up() -> None:
    one, two = Seen(looks=2, logged_out=[OUT]), Seen(looks=3, logged_out=[OUT], waits_s=[1.0])
    whole = together([one, two])
    assert (whole.looks, len(whole.logged_out), whole.waits_s) == (5, 2, [1.0])
