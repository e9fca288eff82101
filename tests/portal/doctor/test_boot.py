"""Whether the next start of the machine brings everything back, as systemd says it."""

from pathlib import Path

import pytest

from portal.config import Config
from portal.doctor import boot
from portal.doctor.finding import Level
from tests.portal.doctor.test_machine import config

RADIUS = {"clients": [{"name": "ap", "networks": ["10.9.0.0/24"], "site": "a",
                       "secret": "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"}]}  # fmt: skip
NO_GATEWAY = [{"id": "a", "name": "A", "login_methods": ["accept"]}]


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "systemctl"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def says(program: Path, states: str) -> None:
    program.write_text(f"#!/bin/sh\ncase $2 in {states} esac\n")
    program.chmod(0o755)


ALL = (
    "kvar.target) echo enabled ;; kvar-closed.service) echo enabled ;; *) echo disabled; exit 1 ;;"
)


@pytest.mark.parametrize(
    ("facts", "states", "commands"),
    [
        ({}, ALL, []),
        ({"radius": RADIUS}, ALL, ["systemctl enable kvar-radius.service"]),
        ({}, ALL.replace("t) echo enabled", "t) echo disabled"), ["systemctl enable kvar.target"]),
        ({"sites": NO_GATEWAY}, "kvar.target) echo enabled ;;", []),
        ({}, "kvar.target) echo enabled ;;", ["systemctl enable kvar-closed.service"]),
    ],
)
async def test_what_is_not_enabled_is_told(
    systemctl: Path, facts: dict[str, object], states: str, commands: list[str]
) -> None:
    says(systemctl, states)
    found = await boot.starts_by_itself(config(systemctl.parent, **facts), lambda: True)
    assert [finding.command for finding in found if finding.is_failure] == commands
    assert commands or [finding.level for finding in found] == [Level.RIGHT]


@pytest.mark.parametrize("states", ["*) exit 1 ;;", "*) echo not-found; exit 4 ;;"])
async def test_without_its_units_there_is_nothing_to_find(systemctl: Path, states: str) -> None:
    facts: Config = config(systemctl.parent)
    assert await boot.starts_by_itself(facts, lambda: False) == []
    assert await boot.starts_by_itself(facts, lambda: True) == [], "no systemctl"
    says(systemctl, states)
    assert await boot.starts_by_itself(facts, lambda: True) == []
