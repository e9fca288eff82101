from firewall.port_blocks import PortBlocks
from firewall.roster import ENDED_MAX, OWN_EXPEL_AFTER_S, SPARE_S, Admission, Roster
from firewall.verbs import Counters, OwnPorts


def test_numbers_are_unique_and_rest_before_they_return():
    roster = Roster(10)
    first, second = roster.enter("a", 0, 9.0), roster.enter("b", 0, 9.0)
    roster.leave("a")
    third = roster.enter("c", 0, 9.0)
    assert (first.number, second.number, third.number) == (1, 2, 3)
    assert roster.room == 8
    assert len(roster) == 2
    assert list(roster) == ["b", "c"]


def test_a_number_in_use_is_passed_over():
    roster = Roster(10)
    assert roster.adopt("a", Admission(1, 0, 9.0))
    assert roster.enter("b", 0, 9.0).number == 2
    assert not roster.adopt("c", Admission(2, 0, 9.0))
    assert not roster.adopt("a", Admission(7, 0, 9.0))


def test_numbers_go_round():
    roster = Roster(10)
    roster._last_number = 0x7FFF
    assert roster.enter("a", 0, 9.0).number == 1


def test_a_block_of_ports_rests_longest_before_somebody_else_has_it():
    roster = Roster(10, own_ports=2)
    numbers = [roster.enter(name, 0, 9.0, 1.0).number for name in "abc"]
    assert numbers == [1, 2, 3]  # the third has none of its own
    for name in "cba":
        roster.leave(name)
    assert [roster.enter(name, 0, 9.0).number for name in "abc"] == [2, 1, 4]


def test_who_was_in_before_the_agent_keeps_its_block():
    roster, blocks = Roster(10, own_ports=2), PortBlocks(4096)
    roster.adopt("a", Admission(1, 0, 9.0))
    assert roster.enter("b", 0, 9.0, 5.0).number == 2
    assert roster.enter("c", 0, 9.0, 5.0).number == 3
    roster.adopt("d", Admission(1000, 0, 9.0))
    own = roster.own_ports(blocks, 7.0)
    assert own["a"] == OwnPorts(1024, 5119, None)
    assert own["b"] == OwnPorts(5120, 9215, 2.0)
    assert set(own) == {"a", "b", "c"}
    assert roster.own_ports(None, 7.0) == {}


def test_a_device_is_due_a_second_after_its_time():
    roster = Roster(10)
    roster.enter("a", 0, 100.0)
    assert roster.due(100.0 + OWN_EXPEL_AFTER_S - 0.1) == []
    assert roster.due(100.0 + OWN_EXPEL_AFTER_S) == ["a"]


def test_final_counters_wait_for_whoever_asks_once():
    roster = Roster(10)
    roster.note_end("a", Counters(1, 2, 3, 4))
    assert roster.take_end("a") == Counters(1, 2, 3, 4)
    assert roster.take_end("a") is None


def test_final_counters_of_an_earlier_stay_are_not_told_for_a_later_one():
    roster = Roster(10)
    roster.note_end("a", Counters(1, 2, 3, 4))
    roster.enter("a", 0, 9.0)
    roster.leave("a")
    assert roster.take_end("a") is None


def test_final_counters_are_bounded():
    roster = Roster(10)
    for number in range(ENDED_MAX + 1):
        roster.note_end(str(number), Counters())
    assert roster.take_end("0") is None
    assert roster.take_end("1") is not None


def test_an_ended_time_never_becomes_for_ever():
    assert Admission(1, 0, 100.0).timeout_ms(500.0) == 1
    assert Admission(1, 0, 100.0).timeout_ms(90.0) == 12_000


def test_leaving_twice_is_nothing():
    assert Roster(1).leave("a") is None


def test_a_list_leaves_alone_who_came_after_it_was_read():
    roster = Roster(10)
    for mac in ("old", "new", "wanted"):
        roster.enter(mac, 0, 99.0)
    roster.enter("asked", 0, 99.0).asked_at = 10.0
    assert roster.surplus({"wanted"}, 10.0 + SPARE_S / 2) == ["old", "new"]
    assert roster.surplus({"wanted"}, 10.0 + SPARE_S) == ["old", "new", "asked"]
