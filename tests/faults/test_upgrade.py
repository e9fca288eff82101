"""An upgrade under load, one that fails, and everything wiped and put back: guests notice nothing.

Kvar runs from a folder here, as a package's release does; the next release is a copy with a
migration more. What takes no network is in portal/composition/test_upgrade.py and test_backup.py,
which always run.
"""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from portal.composition.backup import make_key
from portal.demo.world import World, WorldSettings
from tests.faults.gateway import Gateway
from tests.lab.guest import Guest, admitted, fetch_sql, run_sql, until

pytestmark = [pytest.mark.root, pytest.mark.proof]

SOURCE = Path(__file__).parents[2]
PACKAGES = ("portal", "firewall", "radius_bridge", "templates")
ECHO_HOST = "www.example.com"
SESSIONS = 100
WEB_GAP_S = 5.0
YARDSTICK_S = 1.6
"""What ``kvar --help`` takes on a machine with nothing else to do; a busy one gets longer."""
EXTRA = """
devices_per_card = 50

[limits]
pin_attempts_per_day = 20

[retention]
backups_days = 30

[backup]
directory = "{backups}"
recipients = ["{recipient}"]
"""
PROGRAM = """#!/bin/sh
export PYTHONPATH="$(dirname "$(dirname "$0")")" PYTHONSAFEPATH=1
exec {python} -m portal "$@"
"""
RESTART = """
import os, signal, sys
from pathlib import Path
from time import monotonic, sleep

part, file = sys.argv[1:]

def found():
    for entry in Path("/proc").glob("[1-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\\0")[:-1]
        except OSError:
            continue
        if file.encode() in words and words[-1] == part.encode() and words[0] != b"setpriv":
            yield int(entry.name)

old = set(found())
for pid in old:
    os.kill(pid, signal.SIGTERM)
end = monotonic() + 60
while not set(found()) - old:
    sleep(0.05)
    if monotonic() > end:
        sys.exit("it did not come back")
"""
"""What ``systemctl restart`` does: ``kvar run`` starts again what ends."""
CROWD = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because, last_seen_at,
                          trace_key, device_trace)
SELECT gen_random_uuid(), 'accept', ('02:00:5e:01:00:' || lpad(to_hex(n), 2, '0'))::macaddr,
       'stadsbiblioteket', now(), now() + interval '5 h', 'time_limit', now(), 'log-2026-w48',
       sha256('x') FROM generate_series(1, $1) AS n
"""


class Installed(World):
    """A world whose Kvar runs from ``releases/current``."""

    def _write_config(self, radius: str) -> None:
        self.identity = self.lab.run_directory / "identity"
        recipient = make_key(self.identity).partition('recipients = ["')[2].partition('"')[0]
        self.settings.change  # noqa: B018 - the frozen settings stay as they are
        extra = EXTRA.format(backups=self.lab.run_directory / "backups", recipient=recipient)
        self.settings = replace(self.settings, extra=extra)
        self.link = self.lab.run_directory / "releases" / "current"
        self.link.parent.mkdir(mode=0o755)
        self.link.symlink_to(self.release("old"))
        restart = self.link.with_name("restart.py")
        restart.write_text(RESTART)
        self.restart_command = f"{sys.executable} -S {restart} {{}}"
        super()._write_config(radius)

    def release(self, name: str, **migrations: str) -> Path:
        """Make a release: this source, with more migrations."""
        folder = self.link.with_name(name)
        shutil.rmtree(folder, ignore_errors=True)
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("node_modules", "__pycache__")
            shutil.copytree(SOURCE / package, folder / package, ignore=ignored)
        for number, sql in migrations.items():
            file = folder / "portal/storage/migrations" / f"{number.removeprefix('n')}_more.sql"
            file.write_text(sql)
        program = folder / "bin" / "kvar"
        program.parent.mkdir()
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        subprocess.run([sys.executable, "-m", "compileall", "-q", folder], check=True)
        return folder

    def kvar_command(self, *arguments: str) -> list[str]:
        return [str(self.link / "bin" / "kvar"), "--config", str(self.config_file), *arguments]

    def upgrade(self, release: Path, patience_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        options = ["--link", str(self.link), "--patience-s", str(patience_s)]
        options += ["--restart", f"{self.restart_command} {self.config_file}"]
        command = self.kvar_command("upgrade", *options, str(release))
        return self.lab.gateway.run(command, check=False, timeout_s=600)

    @property
    def in_use(self) -> str:
        return self.link.resolve().name


class Web:
    """Asks the portal for a page without pause, and knows the longest time without one."""

    def __init__(self, guest: Guest) -> None:
        self._guest, self._stop = guest, threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.gap_s = 0.0
        self._thread.start()

    def _ask(self) -> None:
        last = monotonic()
        while not self._stop.is_set():
            try:
                answer = self._guest.get("/help")
            except Exception:  # noqa: BLE001 - whatever it is, there was no page
                sleep(0.02)
                continue
            if answer.status == 200:
                self.gap_s, last = max(self.gap_s, monotonic() - last), monotonic()
            sleep(0.02)

    def end(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.gap_s


@pytest.fixture(scope="module")
def world() -> Iterator[Installed]:
    with Installed(WorldSettings(phones=3)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        run_sql(built, CROWD, SESSIONS)
        until(lambda: len(admitted(built)) >= SESSIONS, "the crowd is in", 120)
        yield built


def rows(world: World) -> dict[str, int]:
    counts = "SELECT count(*) FROM live_session", "SELECT count(*) FROM past_session"
    return {sql: fetch_sql(world, sql) for sql in counts}


def busy() -> float:
    started = monotonic()
    subprocess.run([sys.executable, "-m", "portal", "--help"], check=True, capture_output=True)
    return max(1.0, (monotonic() - started) / YARDSTICK_S)


def test_nobody_notices_an_upgrade(world: Installed, online: Guest, stranger: Guest) -> None:
    before = rows(world)
    stream, web = online.phone.stream(ECHO_HOST), Web(stranger)
    slow = busy()
    done = world.upgrade(world.release("new", n9001="CREATE TABLE more (id integer);"))
    gap_s, lost = web.end(), stream.stop()
    print(f"\nlost {lost.lost}, web gap {gap_s:.1f} s, machine {slow:.1f} times busy")  # noqa: T201
    assert done.returncode == 0, done.stderr
    assert world.in_use == "new"
    assert lost.lost == 0
    assert gap_s < WEB_GAP_S * slow
    assert rows(world) == before
    assert fetch_sql(world, "SELECT max(version) FROM schema_migration") == 9001
    assert not online.is_captive()


def test_a_failing_migration_returns_to_the_old_version(
    world: Installed, online: Guest, stranger: Guest
) -> None:
    before, used = rows(world), world.in_use
    stream, web = online.phone.stream(ECHO_HOST), Web(stranger)
    bad = "CREATE TABLE half (id integer); SELECT 1 / 0;"
    migrations = {"n9001": "CREATE TABLE more (id integer);", "n9002": bad}
    done = world.upgrade(world.release("bad", **migrations))
    gap_s, lost = web.end(), stream.stop()
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert world.in_use == used
    assert lost.lost == 0
    assert gap_s < WEB_GAP_S
    assert rows(world) == before
    assert fetch_sql(world, "SELECT to_regclass('half')") is None


def test_a_version_that_does_not_work_gives_way(
    world: Installed, online: Guest, newcomer: Guest
) -> None:
    """Its migration stands; the version before works on that schema."""
    used, before = world.in_use, rows(world)
    broken = world.release(
        "broken", n9001="CREATE TABLE more (id integer);", n9003="CREATE TABLE most (id integer);"
    )
    start = broken / "portal/composition/portal.py"
    start.write_text(start.read_text().replace('"""', 'raise SystemExit("broken")\n"""', 1))
    stream = online.phone.stream(ECHO_HOST)
    done = world.upgrade(broken, patience_s=15)
    assert stream.stop().lost == 0
    assert done.returncode == 1
    assert "runs again" in done.stderr
    assert world.in_use == used
    assert rows(world) == before
    Gateway(world).wait_until_ready()
    assert newcomer.sign_in().status == 303
    assert not online.is_captive()


def test_wiped_and_put_back(world: Installed, online: Guest, newcomer: Guest) -> None:
    query = "SELECT id::text FROM live_session WHERE mac = $1::text::macaddr"
    session = fetch_sql(world, query, online.phone.mac)
    world.kvar("backup")
    backup = max((world.lab.run_directory / "backups").glob("kvar-2*"))
    before = rows(world)
    stream = online.phone.stream(ECHO_HOST)
    world.kill()
    shutil.rmtree(world.config.organisation.data_directory)
    assert "restored from" in world.kvar("restore", str(backup), "--identity", str(world.identity))
    world.start()
    assert stream.stop().lost == 0
    assert rows(world) == before
    assert fetch_sql(world, query, online.phone.mac) == session
    assert not online.is_captive()
    # and the day goes on: captive, a card, online, out
    assert newcomer.is_captive()
    assert newcomer.sign_in().status == 303
    assert newcomer.phone.http("http://captive.apple.com/hotspot-detect.html").status == 200
    assert newcomer.sign_out().status == 303
    assert newcomer.is_captive()
