"""Every command that README and docs/ show is run as it stands there, or its test is named here."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from portal.__main__ import app
from portal.storage.database import Database
from tests.portal.documentation.documented_commands import (
    PAGES,
    ROOT,
    Command,
    name_of,
    shown,
    spoken,
    unmarked,
)
from tests.portal.installation import CONFIGURATION, Installation, installed
from tests.portal.web.portal_under_test import get, post

SITE = "stadsbiblioteket"
NAMED_IN_THE_PAGES = ("branch", "filialen"), ("city", SITE)

RUN_ELSEWHERE = {
    "docs/api.md": "portal/web/api/test_docs.py",
    "docs/gateway.md": "lab/test_documented_commands.py",
    "docs/installation.md": "deploy/test_clean_root.py",
    "docs/library-systems.md": "lab/test_documented_commands.py",
    "docs/monitoring.md": "portal/monitoring/test_docs.py",
    "docs/operations.md": "portal/documentation/test_operations.py",
    "docs/radius-tls.md": "radius_bridge/certificates.py",
}
"""Pages whose commands need something else than an installation: the test that runs all of them."""

TARGETS = {
    "bench": "bench/test_benchmarks.py",
    "bench-day": "bench/test_day.py",
    "check": "",
    "check-quick": "",
    "deb": "deploy/test_package.py",
    "demo": "lab/test_demo_check.py",
    "demo-check": "lab/test_demo_check.py",
    "flaws": "deploy/test_flaws.py",
    "fuzz": "fuzz/test_fuzz.py",
    "help": "",
    "power-cut": "faults/test_power_cut.py",
    "proof": "",
    "test": "",
}
"""What `make` is told to do, and the test of what it starts; none: it runs tests, or prints."""


@pytest.fixture
async def kvar(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The pages' sites, where devices 12, 31, 47 and 52 wait; 31 is remembered."""
    text = CONFIGURATION
    for here, there in NAMED_IN_THE_PAGES:
        text = text.replace(f'id = "{here}"', f'id = "{there}"')
    async with installed(postgres_dsn, tmp_path, text=text) as made:
        program = tmp_path / "bin" / "kvar"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(made.kvar)} "$@"\n')
        program.chmod(0o755)
        async with Database(postgres_dsn) as database:
            for guest, number in enumerate((12, 47, 52), start=3):
                await made.log_in(f"200000000009{number}", "0000", guest)
                await _has_number(database, number)
            await _is_remembered(made, guest=6)
            await _has_number(database, 31)
        yield made


async def _has_number(database: Database, number: int) -> None:
    """Give it to the device that came last, whatever was drawn."""
    await database.fetch(
        "UPDATE arrival SET number = $1"
        " WHERE first_seen_at = (SELECT max(first_seen_at) FROM arrival)",
        number,
    )


async def _is_remembered(kvar: Installation, guest: int) -> None:
    """Log in with the box ticked, and out again."""
    page = await kvar.ask("http", get("/card"), guest)
    fields = {"token": page.token("/card"), "card": "20000000000001", "pin": "1234"}
    await kvar.ask("http", post("/card", fields | {"remember": "1"}), guest)
    page = await kvar.ask("http", get("/status"), guest)
    await kvar.ask("http", post("/logout", {"token": page.token("/logout")}), guest)
    await kvar.ask("http", get("/"), guest)


async def run(command: Command, directory: Path) -> str:
    """Give it to a shell. Dates are moved: those of the page pass."""
    soon = datetime.now(UTC) + timedelta(days=9)
    script = re.sub(r"\b20\d\d-\d\d-\d\d\b", f"{soon:%Y-%m-%d}", command.script)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", script,
        cwd=directory, env=os.environ | {"PATH": f"{directory / 'bin'}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, errors = await process.communicate()
    assert process.returncode == 0, (command.page, script, errors.decode())
    return told.decode()


def outline(text: str) -> str:
    """Return the words; which number or hour it is, differs from day to day."""
    return re.sub(r"[\d,.: -]+", "#", text).strip()


@pytest.mark.usefixtures("kvar")
async def test_every_shown_command_does_what_the_page_says(tmp_path: Path) -> None:
    ran = 0
    for page in PAGES:
        if name_of(page) in RUN_ELSEWHERE:
            continue
        for command in shown(page):
            if command.script.lstrip().startswith("make "):
                continue
            told = outline(await run(command, tmp_path))
            for line in command.told:
                if "…" not in line:
                    assert outline(line) in told, (command.page, command.script, told)
            ran += 1
    assert ran > 15


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_marked_as_one(page: Path) -> None:
    assert unmarked(page) == []


@pytest.mark.parametrize("name", [*RUN_ELSEWHERE.values(), *filter(None, TARGETS.values())])
def test_what_is_run_elsewhere_is_run_by_a_test_that_there_is(name: str) -> None:
    assert (ROOT / "tests" / name).is_file()


@cache
def _group() -> typer.core.TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return group


def _help_of(words: list[str]) -> str:
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == 0, (words, answer.output)
    return answer.output


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_spoken_command_exists(page: Path) -> None:
    scripts = [script.strip() for command in shown(page) for script in command.script.split("\n")]
    for command in [*spoken(page), *(each for each in scripts if each.startswith("make "))]:
        program, *words = shlex.split(command, comments=True)
        if program == "make":
            targets = [word for word in words if "=" not in word]
            assert set(targets) <= set(TARGETS), command
            continue
        while words and words[0] == "--config":
            words = words[2:]
        names = []
        for word in words:
            if not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            names.append(word)
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        told = _help_of(names)
        assert all(option in told for option in options if option != "--help"), command


def test_every_target_that_is_spoken_of_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    missing = [each for each in TARGETS if not re.search(rf"^{each}:", makefile, re.MULTILINE)]
    assert missing == []
