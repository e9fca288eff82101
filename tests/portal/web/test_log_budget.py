import logging

from portal.web.log_budget import LogBudget


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(message: str = "x" * 400, **more: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "args": (), **more})
    assert made.getMessage() == message
    return made


def test_a_burst_passes_and_the_flood_behind_it_does_not() -> None:
    clock = Clock()
    lid = LogBudget(clock, bytes_per_s=1000)
    assert [lid.filter(record()) for _ in range(25)] == [True] * 20 + [False] * 5


def test_time_gives_room_and_the_first_record_tells_what_was_left_out() -> None:
    clock = Clock()
    lid = LogBudget(clock, bytes_per_s=1000)
    for _ in range(25):
        lid.filter(record())
    clock.now = 1.0
    first, second, third = record(), record(), record()
    assert lid.filter(first)
    assert lid.filter(second)
    assert not lid.filter(third)
    assert vars(first)["left_out"] == 5
    assert "left_out" not in vars(second)


def test_a_record_with_fields_still_formats() -> None:
    clock = Clock()
    lid = LogBudget(clock, bytes_per_s=10)
    assert not lid.filter(record("y" * 4000))
    clock.now = 60.0
    late = logging.makeLogRecord({"msg": "%s away", "args": ("gate",)})
    assert not lid.filter(late) or late.getMessage().startswith("gate away")


def test_a_traceback_weighs_more() -> None:
    lid = LogBudget(Clock(), bytes_per_s=100)
    failed = record("failed", exc_info=(ValueError, ValueError(), None))
    assert not lid.filter(failed)
