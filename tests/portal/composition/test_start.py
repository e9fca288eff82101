"""How a process that cannot start tells it."""

import pytest

from portal.composition.start import StartError, told_plainly


def test_reasons_are_told_however_deep_task_groups_nest_them() -> None:
    inner = ExceptionGroup("inner", [StartError("b")])
    with pytest.raises(StartError, match=r"\Aa\nb\Z"), told_plainly():
        raise ExceptionGroup("outer", [StartError("a"), inner])


def test_a_bug_among_them_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup), told_plainly():
        raise ExceptionGroup("outer", [StartError("a"), KeyError("bug")])


def test_anything_else_passes() -> None:
    with pytest.raises(KeyError), told_plainly():
        raise KeyError("bug")
