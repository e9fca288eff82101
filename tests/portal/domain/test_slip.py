import pytest

from portal.domain.identity import Secret
from portal.domain.slip import A4_SLIPS, LABELS, TARGETS, Network, Security


def test_a_sheet_of_24_fits_its_page() -> None:
    for target in (A4_SLIPS, LABELS):
        assert target.slips_per_page == 24
        assert target.slip_mm is not None
        assert target.columns * target.slip_mm[0] <= target.page_mm[0]
        assert target.rows * target.slip_mm[1] <= target.page_mm[1]


def test_targets_are_found_by_their_names() -> None:
    assert all(target.name == name for name, target in TARGETS.items())
    assert {"a4", "labels", "a6", "roll80", "roll58"} == TARGETS.keys()


def test_a_network_has_a_password_just_when_it_needs_one() -> None:
    assert Network("gast").password is None
    assert Network("gast", Security.WPA, Secret("hemligt1")).password == Secret("hemligt1")
    with pytest.raises(ValueError, match="needs a name"):
        Network("")
    with pytest.raises(ValueError, match="goes with WPA"):
        Network("gast", Security.WPA)
    with pytest.raises(ValueError, match="goes with WPA"):
        Network("gast", Security.OPEN, Secret("hemligt1"))
