"""``kvar upgrade``: forward when all is well, and back by itself, with the data as it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portal.composition.start import StartError
from portal.composition.upgrade import SYSTEMD, Wish, upgrade
from portal.config_file import parse
from tests.ports import free_port

TEXT = """
[organisation]
name = "Exempelby"
data_directory = "{directory}/data"
[portal]
host_name = "wifi.exempelby.example"
certificate_file = "{directory}/chain.pem"
private_key_file = "{directory}/key.pem"
health_port = {portal}
[keeper]
health_port = {keeper}
[library_system]
host = "sip2.example.se"
[[sites]]
id = "main"
name = "Biblioteket"
guest_interfaces = ["guest0"]
"""
PROGRAM = """#!/bin/sh
echo "{name} $3" >>{directory}/log
[ "$3" = backup ] && echo "/var/backups/the-one-of-now: 1 MB"
{step}
"""
RESTART = "{directory}/restart {{}}"
SYSTEMCTL = """#!/bin/sh
case "$*" in
*ActiveState*gate*) echo activating ;;
*ActiveState*portal*) echo active ;;
*ActiveState*) echo inactive ;;
*) echo "systemctl $* $(readlink {directory}/current)" >>{directory}/log ;;
esac
"""


@dataclass
class Machine:
    """Two releases in folders, a link to the one in use, and two processes that answer for it."""

    directory: Path
    ports: dict[str, int] = field(default_factory=dict)
    ill: str = ""
    """The release whose processes are not ready."""
    more: str = ""
    restart: str = RESTART

    def __post_init__(self) -> None:
        self.release("old")
        self.release("new")
        self.link.symlink_to(self.directory / "old")
        restart = self.directory / "restart"
        restart.write_text(
            f'#!/bin/sh\necho "restart $1 $(readlink {self.link})" >>{self.directory}/log\n'
        )
        restart.chmod(0o755)

    @property
    def link(self) -> Path:
        return self.directory / "current"

    @property
    def in_use(self) -> str:
        return self.link.resolve().name

    @property
    def log(self) -> list[str]:
        lines = (self.directory / "log").read_text().splitlines()
        return [line.replace(f"{self.directory}/", "") for line in lines]

    def release(self, name: str, step: str = "exit 0") -> None:
        program = self.directory / name / "bin" / "kvar"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(PROGRAM.format(name=name, directory=self.directory, step=step))
        program.chmod(0o755)

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = "503 Not" if self.ill in {self.in_use, "all"} else "200 OK"
        writer.write(f"HTTP/1.0 {status}\r\n\r\n".encode())
        writer.close()

    async def upgrade(self) -> str:
        text = TEXT.format(directory=self.directory, **self.ports) + self.more
        file = self.directory / "kvar.toml"
        file.write_text(text)
        restart = self.restart.replace("{directory}", str(self.directory)).replace("{{}}", "{}")
        wish = Wish(self.link, self.directory / "new", restart, 1.0)
        return await upgrade(parse(text, file), file, wish)


@asynccontextmanager
async def answering(machine: Machine) -> AsyncIterator[Machine]:
    async with (
        await asyncio.start_server(machine.answer, "127.0.0.1", 0) as first,
        await asyncio.start_server(machine.answer, "127.0.0.1", 0) as second,
    ):
        found = [server.sockets[0].getsockname()[1] for server in (first, second)]
        machine.ports = dict(zip(("keeper", "portal"), found, strict=True))
        yield machine


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    monkeypatch.setattr("portal.composition.upgrade.LOOK_EVERY_S", 0.05)
    async with answering(Machine(tmp_path)) as built:
        yield built


async def test_forward(machine: Machine) -> None:
    said = await machine.upgrade()
    assert machine.in_use == "new"
    restarts = [f"restart {part} new" for part in ("gate", "keeper", "portal")]
    assert machine.log == ["old backup", "new migrate", *restarts]
    assert "/var/backups/the-one-of-now" in said


async def test_a_failing_migration_changes_nothing(machine: Machine) -> None:
    machine.release("new", "echo 'kvar: the third line is wrong' >&2; exit 1")
    with pytest.raises(StartError, match=r"nothing was changed.*old runs on.*third line is wrong"):
        await machine.upgrade()
    assert machine.in_use == "old"
    assert machine.log == ["old backup", "new migrate"], "nobody was restarted"


async def test_a_release_that_is_not_well_gives_way_to_the_old_one(machine: Machine) -> None:
    machine.ill = "new"
    with pytest.raises(StartError, match=r"old runs again: keeper was not ready within 1 s"):
        await machine.upgrade()
    assert machine.in_use == "old"
    restarts = [f"restart {part} old" for part in ("gate", "keeper", "portal")]
    assert machine.log[-4:] == ["old migrate", *restarts]


async def test_a_process_that_does_not_start_is_the_same(machine: Machine) -> None:
    restart = machine.directory / "restart"
    only_the_old = f"readlink {machine.link} | grep -q old || exit 1\n"
    restart.write_text(restart.read_text() + only_the_old)
    with pytest.raises(StartError, match=r"old runs again: .*restart gate: it failed"):
        await machine.upgrade()
    assert machine.in_use == "old"


async def test_a_schema_that_is_over_for_the_old_one_is_said_with_the_way_out(
    machine: Machine,
) -> None:
    machine.ill = "new"
    machine.release("old", "[ $3 = backup ] || { echo 'kvar: run the newer release' >&2; exit 1; }")
    with pytest.raises(StartError, match=r"way back .*newer.* --replace: .*the-one-of-now"):
        await machine.upgrade()


async def test_without_a_backup_nothing_begins(machine: Machine) -> None:
    machine.release("old", "echo 'kvar: no backup was made' >&2; exit 1")
    with pytest.raises(StartError, match=r"nothing was changed.*no backup was made"):
        await machine.upgrade()
    assert machine.log == ["old backup"]


async def test_what_is_no_release_is_refused(machine: Machine) -> None:
    (machine.directory / "new" / "bin" / "kvar").unlink()
    with pytest.raises(StartError, match="no release of Kvar"):
        await machine.upgrade()


async def test_what_is_configured_and_does_not_run_is_not_waited_for(machine: Machine) -> None:
    """A `[radius]` whose service nobody has enabled is no reason to go back."""
    machine.more = f"""
[radius]
health_port = {free_port()}
[[radius.clients]]
name = "ap"
networks = ["10.9.0.0/24"]
secret = "mdgUXjcIVQ0aZ7xyKw"
site = "main"
"""
    said = await machine.upgrade()
    assert machine.in_use == "new"
    assert "restart radius new" not in machine.log
    assert "radius is configured and did not run" in said
    assert "systemctl enable --now kvar-radius" in said


async def test_systemd_is_asked_what_runs_and_reads_the_units_of_the_release(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.restart = SYSTEMD
    folder = machine.directory / "programs"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL.format(directory=machine.directory))
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setattr("os.defpath", f"{folder}:/usr/bin:/bin")
    await machine.upgrade()
    reloaded = "systemctl daemon-reload new"
    restarts = [f"systemctl try-restart kvar-{name}.service new" for name in ("gate", "portal")]
    assert machine.log == ["old backup", "new migrate", reloaded, *restarts]


async def test_of_two_at_once_one_is_kept_out(machine: Machine) -> None:
    said = await asyncio.gather(machine.upgrade(), machine.upgrade(), return_exceptions=True)
    (refused,) = [one for one in said if isinstance(one, StartError)]
    assert "another upgrade is under way; nothing was changed" in str(refused)
    assert machine.in_use == "new"
    assert machine.log.count("new migrate") == 1


async def test_a_link_to_nothing_is_told(machine: Machine) -> None:
    machine.link.unlink()
    with pytest.raises(StartError, match="cannot be read"):
        await machine.upgrade()
