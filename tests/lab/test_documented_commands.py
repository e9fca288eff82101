"""The commands of docs/gateway.md and docs/library-systems.md, on a gateway that serves guests."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.demo.world import World
from tests.lab.guest import CARD, PIN
from tests.portal.documentation.documented_commands import ROOT, shown

pytestmark = pytest.mark.root

FITTED = {"FILE": "kvar.toml", "/etc/kvar/kvar.toml": "kvar.toml", "NUMBER": CARD}


@pytest.fixture
def on_the_gateway(world: World, tmp_path: Path) -> Callable[[str], str]:
    """What gives a line to a shell of the gateway, without a terminal, and returns what it told."""
    program = tmp_path / "kvar"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(world.kvar_command()[:3])} "$@"\n')
    program.chmod(0o755)

    def run(line: str) -> str:
        for there, here in FITTED.items():
            line = line.replace(there, str(world.directory / here) if "." in here else here)
        script = f"PATH={tmp_path}:$PATH; {line}"
        done = world.lab.gateway.run(
            ["setsid", "--wait", "bash", "-euc", script], text=f"{PIN}\n", check=False
        )
        # The lab's own library system speaks in clear, which the doctor calls a warning or worse.
        assert "doctor" in line or done.returncode == 0, (line, done.stderr)
        return done.stdout

    return run


@pytest.mark.parametrize("name", ["gateway.md", "library-systems.md"])
def test_every_shown_command_tells_what_the_page_promises(
    name: str, on_the_gateway: Callable[[str], str]
) -> None:
    promised = {
        "nft list table": "chain ",
        "nft list map": "map admitted",
        "doctor": "library system",
        "curl": '"gate": "ok"',
    }
    ran = 0
    for block in shown(ROOT / "docs" / name):
        for line in filter(None, block.script.splitlines()):
            told = on_the_gateway(line)
            word = next(word for words, word in promised.items() if words in line)
            assert word in told, line
            ran += 1
    assert ran
