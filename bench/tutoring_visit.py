"""A tutoring visit of 120 minutes played on the whole of Kvar, in real time or scaled.

``make bench-day REAL=1`` plays it in real time and writes bench/results/tutoring.json; a test plays
it scaled. The schedule is tutoring.py's. The rule to keep: nothing here helps the phone; it only
does what phones do, and writes down what it sees.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import asyncpg

from bench.rows import Row, save, table
from bench.tutoring import LEASE_S, NOT_BUILT, Act, asleep_min, timed
from firewall.lab import probes
from firewall.lab.phone import Conversation, Download, Phone
from firewall.lab.processes import LabError
from portal.composition.database import dsn
from portal.demo.world import World, WorldSettings

ECHO_HOST = "www.example.com"
PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
SPEAK_EVERY_S = 5.0
BACK_WITHIN_S = 300.0
"""Only against waiting for ever: how fast a part comes back is other tests' promise."""
PATIENCE_S = 30.0
"""How long an answer may take on a busy machine. What is broken says so at once."""

_OTHER_SITE = """
[[sites]]
id = "filialen"
name = "Exempelby filialbibliotek"
guest_interfaces = ["guest1"]
login_methods = ["card"]
"""
_LIMIT_IS_OVER = "UPDATE live_session SET ends_at = started_at WHERE ends_because = 'time_limit'"


@dataclass
class Seen:
    """What the visitor saw, counted. Only ``unanswered`` may be more than none."""

    lines: int = 0
    probes: int = 0
    api_answers: int = 0
    captive: list[str] = field(default_factory=list)
    """When the page or the API said that the phone has to log in."""
    redirected: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Connections that ended by themselves."""
    sessions: set[str] = field(default_factory=set)
    spoke_asleep: int = 0
    """Frames that left the sleeping phone: the test's own fault if there are any."""
    unanswered: int = 0
    """Questions to a portal that was just being killed."""

    def holds(self) -> bool:
        """Whether the promise was kept."""
        bad = (self.captive, self.redirected, self.dropped)
        return not any(bad) and len(self.sessions) == 1 and not self.spoke_asleep


class Visit:
    """One visitor's phone in a world of its own; ``tell`` gets a line for each step."""

    def __init__(self, world: World, scale: float, tell: Callable[[str], None]) -> None:
        self._world = world
        self._phone: Phone = world.phones[0]
        self._scale = scale
        self._tell = tell
        self._first = world.lab.first_access_point()
        self._second = world.lab.add_access_point()
        self._number = 0
        self._conversations: list[Conversation] = []
        self._waiting: list[Conversation] = []
        self._download: Download | None = None
        self._frames = 0
        self._awake = threading.Lock()
        """Held while the phone speaks, or for as long as it sleeps."""
        self._over = threading.Event()
        self._problem: Exception | None = None
        self.seen = Seen()

    def play(self) -> Seen:
        """Play the whole schedule and return what the visitor saw."""
        self._arrive()
        chatter = threading.Thread(target=self._chatter, daemon=True)
        began = time.monotonic()
        for due_s, step in timed(self._scale):
            time.sleep(max(0.0, began + due_s - time.monotonic()))
            note = "not built" if step.act in NOT_BUILT else self._do(step.act)
            self._tell(f"{_clock()}  minute {step.minute:5.1f}  {step.act}{note and ': '}{note}")
            if step.act is Act.CONNECT:
                chatter.start()
            if self._problem is not None:
                raise self._problem
        return self.seen

    def _do(self, act: Act) -> str:
        """Do it and return a word about it, or nothing."""
        return str(self._deeds()[act]() or "")

    def _deeds(self) -> dict[Act, Callable[[], object]]:
        return {
            Act.LET_IN: self._let_in,
            Act.CONNECT: self._connect,
            Act.PORTAL_KILLED: partial(self._end, "portal", signal.SIGKILL),
            Act.GATE_KILLED: partial(self._end, "gate", signal.SIGKILL),
            Act.KEEPER_KILLED: partial(self._end, "keeper", signal.SIGKILL),
            Act.DATABASE_KILLED: partial(self._end, "postgres", signal.SIGKILL),
            Act.DATABASE_RESTARTED: partial(self._end, "postgres", signal.SIGINT),
            Act.ALL_KILLED: self._kill_all,
            Act.RENEW: lambda: self._lease(self._phone.renew(timeout_s=PATIENCE_S).address),
            Act.REBOOT: lambda: self._lease(self._phone.init_reboot(timeout_s=PATIENCE_S).address),
            Act.SLEEP: self._sleep,
            Act.WAKE: self._wake,
            Act.ROAM: partial(self._roam, self._first, self._second),
            Act.ROAM_BACK: partial(self._roam, self._second, self._first),
            Act.OTHER_SITE: self._go_to_other_site,
            Act.HOME_AGAIN: self._come_home,
            Act.EXTEND: lambda: self._kvar_tutor("extend"),
            Act.LIMIT: self._reach_limit,
            Act.LEAVE: self._leave,
        }

    # --- the tutor ------------------------------------------------------------------------------

    def _arrive(self) -> None:
        """Wait captive, as anybody does, and read the number on the page."""
        self._phone.join(ipv6=True)
        answer = self._phone.http(PROBE_URL)
        if answer.status != 302:
            raise LabError(f"a stranger's probe was answered with {answer.status}")
        page = self._phone.http(self._world.portal_origin + "/")
        found = re.search(rb"<b>(\d\d)</b>", page.body)
        if found is None:
            raise LabError("no device number on the page")
        self._number = int(found[1])

    def _let_in(self) -> str:
        said = self._kvar_tutor("let-in")
        self._note_session()
        return said

    def _kvar_tutor(self, wish: str) -> str:
        site = self._world.config.sites[0].id
        arguments = ("tutor", wish, str(self._number), "--site", site)
        return self._world.lab.gateway.run(self._world.kvar_command(*arguments)).stdout.strip()

    # --- the phone ------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._conversations = [self._phone.converse(ECHO_HOST, family=f) for f in (4, 6)]
        self._download = self._phone.download(ECHO_HOST)

    def _sleep(self) -> None:
        self._awake.acquire()
        self._end_download()
        self._phone.fall_asleep()
        self._frames = self._phone.frames_sent()

    def _wake(self) -> str:
        sent = self._phone.frames_sent() - self._frames
        self.seen.spoke_asleep += sent
        self._phone.wake_up()
        self._look()  # before anything else that could tell the gateway that the phone is back
        self._phone.router_advertisement(timeout_s=PATIENCE_S)  # as a phone asks when it wakes up
        self._download = self._phone.download(ECHO_HOST)
        self._awake.release()
        return f"{sent} frames were sent while it slept"

    def _lease(self, address: str) -> str:
        return f"{address} stays"

    def _roam(self, before: str, after: str) -> None:
        self._world.lab.roam(self._phone, before, after)

    def _go_to_other_site(self) -> str:
        """Another network and another address: the connections wait until the phone is back."""
        with self._awake:
            self._end_download()
            self._move(1)
            waiting, self._conversations = self._conversations, []
            self._look()
            self._waiting = waiting
        return f"{self._phone.lease.address if self._phone.lease else 'no address'} now"

    def _come_home(self) -> str:
        with self._awake:
            self._move(0)
            self._conversations = self._waiting
            self._look()
            self._download = self._phone.download(ECHO_HOST)
        return f"{self._phone.lease.address if self._phone.lease else 'no address'} again"

    def _move(self, site: int) -> None:
        self._world.lab.move(self._phone, site)
        self._phone.join(ipv6=True, timeout_s=PATIENCE_S)

    def _end_download(self) -> None:
        if self._download is None:
            return
        report = self._download.stop()
        if report.ended or not report.received_bytes:
            self.seen.dropped.append(f"{_clock()} download {report}")
        self._download = None

    def _leave(self) -> str:
        """The connections of the first minute answer in the last."""
        self._over.set()
        with self._awake:
            self._look()
            self._end_download()
            lines = [conversation.close() for conversation in self._conversations]
        return f"the connections of minute 0 have answered {lines} times"

    # --- what the visitor sees ------------------------------------------------------------------

    def _chatter(self) -> None:
        """Say a line every few seconds while awake, and look whether the phone is captive."""
        try:
            self._keep_looking()
        except Exception as problem:  # noqa: BLE001 - told by the thread that plays
            self._problem = problem

    def _keep_looking(self) -> None:
        pause_s = max(0.3, SPEAK_EVERY_S / self._scale)
        while not self._over.wait(pause_s):
            with self._awake:
                if not self._over.is_set():
                    self._look()

    def _look(self) -> None:
        for conversation in self._conversations:
            answered, ended = conversation.say(timeout_s=PATIENCE_S)
            self.seen.lines += answered
            if not answered:
                self.seen.dropped.append(f"{_clock()} {conversation.number} {ended or 'silent'}")
        answer = self._phone.http(PROBE_URL, timeout_s=PATIENCE_S)
        self.seen.probes += 1
        if answer.body != probes.APPLE_SUCCESS.body:
            self.seen.redirected.append(f"{_clock()} {answer.status} {answer.failure}")
        self._ask_api()
        self._note_session()

    def _ask_api(self) -> None:
        accept = (("Accept", "application/captive+json"),)
        uri = self._world.lab.captive_portal_uri
        answer = self._phone.http(uri, headers=accept, timeout_s=PATIENCE_S)
        if answer.status != 200:
            self.seen.unanswered += 1
            return
        self.seen.api_answers += 1
        if json.loads(answer.body)["captive"]:
            self.seen.captive.append(_clock())

    def _note_session(self) -> None:
        with suppress(OSError, asyncpg.PostgresError, TimeoutError):  # it is being killed
            self.seen.sessions |= asyncio.run(self._sessions())

    async def _sessions(self) -> set[str]:
        """Every session that this device has had, the live one and those that ended."""
        connection = await asyncpg.connect(dsn(self._world.config), timeout=5)
        try:
            query = "SELECT id FROM live_session WHERE mac = $1::text::macaddr"
            rows = await connection.fetch(query, self._phone.mac, timeout=5)
        finally:
            await connection.close(timeout=5)
        return {str(row["id"]) for row in rows} or {"none"}

    def _reach_limit(self) -> None:
        asyncio.run(self._execute(_LIMIT_IS_OVER))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(dsn(self._world.config), timeout=5)
        try:
            await connection.execute(statement, timeout=5)
        finally:
            await connection.close(timeout=5)

    # --- the gateway ----------------------------------------------------------------------------

    def _end(self, part: str, how: signal.Signals) -> str:
        """End a part of Kvar and wait until its successor answers."""
        began, old = time.monotonic(), self._pid(part)
        os.kill(old, how)
        _until(lambda: self._is_anew(part, old), f"{part} comes back")
        self._wait_until_ready()
        return f"back after {time.monotonic() - began:.1f} s"

    def _wait_until_ready(self) -> None:
        _until(self._is_ready, "Kvar is ready")

    def _is_ready(self) -> bool:
        with suppress(LabError):
            self._world.wait_until_ready()
            return True
        return False

    def _is_anew(self, part: str, old: int) -> bool:
        with suppress(LabError):
            return self._pid(part) != old
        return False

    def _pid(self, part: str) -> int:
        for pid, line in self._world.pids().items():
            words = line.split()
            if ("-D" in words) if part == "postgres" else words[-1] == part:
                return pid
        raise LabError(f"{part} does not run")

    def _kill_all(self) -> str:
        self._world.kill()
        began = time.monotonic()
        with suppress(LabError):  # a busy machine: it is waited for longer
            self._world.start()
        self._wait_until_ready()
        return f"back after {time.monotonic() - began:.1f} s"


def _until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + BACK_WITHIN_S
    while not condition():
        if time.monotonic() > give_up:
            raise LabError(f"never happened: {what}")
        time.sleep(0.02)


def _clock() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"


def play(scale: float, tell: Callable[[str], None]) -> Seen:
    """Build a world and play the visit, ``scale`` times as fast as the clock."""
    with World(WorldSettings(phones=1, sites=2, lease_s=LEASE_S, extra=_OTHER_SITE)) as world:
        return Visit(world, scale, tell).play()


def rows(seen: Seen) -> list[Row]:
    """Return what the run showed in the form of the benchmarks."""
    again = len(seen.sessions - {"none"}) - 1 + len(seen.captive)
    counted = (
        ("re-logins in 120 min of tutoring", again),
        ("redirects of the online phone", len(seen.redirected)),
        ("TCP connections dropped", len(seen.dropped)),
        ("frames from the sleeping phone", seen.spoke_asleep),
    )
    figures = [Row(what, value, "", goal="0", holds=value == 0) for what, value in counted]
    return [
        *figures,
        Row("longest silence of the phone", asleep_min(), "min"),
        Row("lines echoed on the two connections", seen.lines, ""),
        Row("answers of the API, all captive=false", seen.api_answers, ""),
        Row("API questions while the portal was being killed", seen.unanswered, ""),
    ]


def main() -> int:
    """Play it; 0 when the promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="in real time, and save the figures")
    parser.add_argument("--scale", type=float, default=100, help="minutes in one minute")
    chosen = parser.parse_args()
    seen = play(1 if chosen.real else chosen.scale, lambda line: print(line, flush=True))
    print(f"{seen}\n{table(rows(seen))}")
    if chosen.real:
        print(f"written to {save('tutoring', rows(seen))}")
    return 0 if seen.holds() else 1


if __name__ == "__main__":
    sys.exit(main())
