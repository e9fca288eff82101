"""A moment of `make fuzz` at each run, so that it is known to work."""

import pytest

from tests.fuzz.__main__ import TARGETS, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_noise_is_borne(name: str) -> None:
    assert fuzz(name, 0.0, 1, at_least=200) == 200
