"""What a process sees by itself: no crash under the units' limits, and one look for all."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from portal.composition import doctor
from portal.composition.doctor import LookFromAService, look, unlike_nodes
from portal.composition.start import StartError
from portal.config import Config
from portal.doctor.examination import Check
from portal.doctor.finding import Finding, right
from portal.storage.database import Database
from tests.portal.doctor.test_machine import config


@pytest.fixture
def facts(tmp_path: Path) -> Config:
    dsn = {"dsn": "postgresql://x@127.0.0.1:1/x"}
    return config(tmp_path, database=dsn, gate={"socket": tmp_path / "none.sock"})


async def test_what_only_root_can_judge_is_left_out(facts: Config) -> None:
    checks = {finding.check for finding in await LookFromAService(facts)()}
    assert {"database", "gate", "certificate", "secrets", "disk"} <= checks
    assert not checks & LookFromAService._HIDDEN


async def test_those_who_ask_at_once_share_one_look(
    facts: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def count(_: list[Check]) -> list[Finding]:
        nonlocal looks
        looks += 1
        return [right("one", "look")]

    monkeypatch.setattr(doctor, "examine", count)
    look_here = LookFromAService(facts)
    found = await asyncio.gather(*(look_here() for _ in range(5)))
    assert [len(one) for one in found] == [1] * 5
    assert looks == 1


async def test_one_check_alone_can_be_asked_for(facts: Config, tmp_path: Path) -> None:
    found = await look(facts, tmp_path / "kvar.toml", only=["secrets"])
    assert [finding.check for finding in found] == ["secrets"]
    with pytest.raises(StartError, match=r"no check 'secret'; there are: .*secrets"):
        await look(facts, tmp_path / "kvar.toml", only=["secret"])


async def test_a_disk_that_hangs_holds_up_no_other_check(
    facts: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup's folder over the network: its stat returns when the network does, or never."""
    given_up = threading.Event()

    def hang(*_: object) -> list[Finding]:
        given_up.wait(20)
        return []

    def hurried(
        name: str, look: Callable[[], Awaitable[Sequence[Finding]]], _: float = 0.0
    ) -> Check:
        return Check(name, look, 0.5 if name == "backup" else 60.0)

    monkeypatch.setattr(doctor.machine, "backups", hang)
    monkeypatch.setattr("portal.composition.doctor.Check", hurried)
    found = await look(facts, tmp_path / "kvar.toml", only=["backup", "secrets"])
    assert not given_up.is_set()
    given_up.set()
    assert [(one.check, one.level.value) for one in found] == [
        ("secrets", "right"),
        ("backup", "failure"),
    ]


async def test_nodes_are_counted_where_no_key_is_in_common(
    tmp_path: Path, postgres_dsn: str
) -> None:
    facts = config(tmp_path, database={"dsn": postgres_dsn})
    async with Database(postgres_dsn, size=1, name="two nodes") as database:
        for node, hours in (("one", 0), ("two", 0), ("gone", 2)):
            await database.fetch(
                "INSERT INTO node_report (node, at, version, in_step, gate_answers, gate_devices,"
                " interfaces_missing)"
                " VALUES ($1, now() - $2 * interval '1 hour', '1', true, true, 0, 0)",
                *(node, hours),
            )
    assert await unlike_nodes(facts) == 2
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "shared.key").write_bytes(b"s" * 32)
    assert await unlike_nodes(facts) == 1
