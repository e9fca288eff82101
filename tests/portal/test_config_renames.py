"""A configuration of an earlier release is read, and says what its keys are called now."""

from pathlib import Path

import pytest

from portal import config_file
from portal.config_renames import with_new_names
from tests.portal.configurations import MINIMAL

RENAMED = {"sites.places_per_card": "devices_per_card", "limits.pins": "pin_attempts_per_day"}


def test_old_keys_get_their_new_names() -> None:
    document = {"sites": [{"places_per_card": 3}, {}], "limits": {"pins": 2}, "other": 1}
    found, warnings = with_new_names(document, RENAMED)
    assert found == {
        "sites": [{"devices_per_card": 3}, {}],
        "limits": {"pin_attempts_per_day": 2},
        "other": 1,
    }
    assert [warning.split(":")[0] for warning in warnings] == [
        "sites.places_per_card is now sites.devices_per_card",
        "limits.pins is now limits.pin_attempts_per_day",
    ]
    assert document["sites"] == [{"places_per_card": 3}, {}], "what was given is left alone"


def test_the_new_key_holds_where_both_stand() -> None:
    found, (warning,) = with_new_names({"limits": {"pins": 2, "pin_attempts_per_day": 4}}, RENAMED)
    assert found == {"limits": {"pin_attempts_per_day": 4}}
    assert "remove limits.pins" in warning


@pytest.mark.parametrize("document", [{}, {"sites": "none"}, {"limits": {}}, {"sites": [1]}])
def test_what_has_no_old_key_is_left(document: dict[str, object]) -> None:
    assert with_new_names(document, RENAMED) == (document, [])


def test_the_file_is_read_and_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.config_renames.RENAMED", RENAMED)
    file = tmp_path / "kvar.toml"
    file.write_text(MINIMAL + "places_per_card = 7\n")
    told: list[str] = []
    config = config_file.load(file, told.append)
    assert config.sites[0].devices_per_card == 7
    words = "sites.places_per_card is now sites.devices_per_card: rename it"
    assert [line.partition(" before")[0] for line in told] == [f"{file}: {words}"]
