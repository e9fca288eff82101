"""Privacy levels: a higher one holds all that a lower one holds."""

import pytest

from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel


@pytest.mark.parametrize(
    ("level", "visits", "guests", "addresses"),
    [
        (0, False, False, False),
        (1, True, False, False),
        (2, True, True, False),
        (3, True, True, True),
    ],
)
def test_each_level_adds_to_the_one_below(
    level: int, visits: bool, guests: bool, addresses: bool
) -> None:
    kept = PrivacyLevel(level)
    assert (kept.keeps_visits, kept.keeps_guests, kept.keeps_addresses) == (
        visits,
        guests,
        addresses,
    )


def test_no_addresses_are_kept_unless_somebody_asks_for_it() -> None:
    assert not DEFAULT_LEVEL.keeps_addresses
