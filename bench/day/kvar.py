"""Kvar in the lab's gateway, as ``kvar run`` starts it, and a library with a card for everybody."""

import dataclasses
import os
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from bench.day import faults
from bench.day.product import Breakage
from bench.day.scenario import SITES, Fault
from bench.library_system import PIN
from bench.library_world import LibraryWorld
from bench.rows import RESULTS
from firewall.lab import processes
from firewall.lab.network import Lab
from firewall.lab.phone import Phone
from portal.demo.world import WorldSettings
from tests.faults.gateway import POSTGRES, Gateway
from tests.lab.guest import Guest, text_of

LEASE_S = 120
"""The shortest that dnsmasq gives."""
PATIENCE_S = 120.0
"""Only against waiting for ever; the wait itself is in the figures of those who log in."""
_NUMBER = re.compile(r"<b>(\d\d)</b>")
_EXTRA = """
[[sites]]
id = "filialen"
name = "Exempelby filialbibliotek"
guest_interfaces = ["guest1"]
login_methods = ["card"]
"""


class Kvar:
    """One day's Kvar. Use as a context manager."""

    name = "Kvar"
    ipv6 = True
    terms = (
        "two sites with a guest interface each; IPv4 and IPv6; default settings",
        "its absence of 4 h is not scaled: no device of a drawn day is silent so long",
    )

    def __init__(self) -> None:
        self._world = LibraryWorld(WorldSettings(phones=0, sites=SITES, extra=_EXTRA))

    lab: Lab

    def __enter__(self) -> Self:
        self._world.__enter__()
        self.lab = self._world.lab
        self._gateway = Gateway(self._world)
        self._numbers: dict[str, str] = {}
        if self.lab.dhcp_dns is not None:
            service = self.lab.dhcp_dns.service
            self.lab.dhcp_dns.service = dataclasses.replace(service, lease_s=LEASE_S)
            self.lab.dhcp_dns.restart()
        return self

    def __exit__(self, *_: object) -> None:
        RESULTS.mkdir(exist_ok=True)
        shutil.copyfile(self._world.log_file, RESULTS / "day-kvar.log")
        self._world.__exit__(None, None, None)

    def log_in(self, phone: Phone, person: int) -> str:
        """Card and PIN on the login page."""
        answer = Guest(self._world, phone).sign_in(f"2000000010{person:04}", PIN)
        return "" if answer.status == 303 else f"{answer.status} {answer.failure or ''}"

    def let_in_by_tutor(self, phone: Phone, person: int) -> str:
        """The visitor reads the number on the page; the tutor lets that device in. No card."""
        del person
        number = _NUMBER.search(text_of(Guest(self._world, phone).get("/")))
        if number is None:
            return "no number on the page"
        self._numbers[phone.mac] = number[1]
        return self._tutor("let-in", phone)

    def end_tutoring(self, phone: Phone) -> None:
        """The visitor stays online; a tutor who gets no answer now lets it be."""
        if phone.mac in self._numbers:
            self._tutor("end", phone)

    def _tutor(self, verb: str, phone: Phone) -> str:
        site = self._world.config.sites[phone.site].id
        number = self._numbers[phone.mac]
        command = self._world.kvar_command("tutor", verb, number, "--site", site)
        done = self.lab.gateway.run(command, check=False)
        return done.stderr.strip() if done.returncode else ""

    def roam(self, phone: Phone) -> None:
        """To the other guest interface."""
        self.lab.move(phone, (phone.site + 1) % SITES)

    # --- faults -----------------------------------------------------------------------------------

    @property
    def breakages(self) -> Mapping[Fault, Breakage]:
        """All of them exist."""
        kill = self._kill
        return {
            **faults.of_the_lab(self.lab, _nothing),
            Fault.PORTAL_KILLED: faults.at_once(partial(kill, "portal")),
            Fault.GATE_KILLED: faults.at_once(partial(kill, "gate")),
            Fault.KEEPER_KILLED: faults.at_once(partial(kill, "keeper")),
            Fault.DATABASE_KILLED: faults.at_once(partial(kill, POSTGRES)),
            Fault.EVERYTHING_KILLED: self._world.killed,
            Fault.GATE_FROZEN: partial(self._frozen, "gate"),
            Fault.DATABASE_FROZEN: partial(self._frozen, POSTGRES),
            Fault.LIBRARY_STOPPED: self._library_stopped,
            Fault.LIBRARY_SILENT: self._library_silent,
        }

    def _kill(self, part: str) -> None:
        """Kill -9, and wait for its successor: the next fault comes when Kvar is whole again."""
        old = self._gateway.kill(part)
        deadline = monotonic() + PATIENCE_S
        while not (self._gateway.is_anew(part, old) and self._gateway.is_ready()):
            if monotonic() > deadline:
                raise processes.LabError(f"{part} does not come back")
            sleep(0.2)

    @contextmanager
    def _frozen(self, part: str) -> Iterator[None]:
        """A process that lives and does nothing, with its children."""
        pid = self._gateway.pid(part)
        family = [] if pid is None else [pid, *_children_of(pid)]
        _signal(family, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(family, signal.SIGCONT)

    @contextmanager
    def _library_stopped(self) -> Iterator[None]:
        self._world.stop_library()
        yield
        self._world.start_library()

    @contextmanager
    def _library_silent(self) -> Iterator[None]:
        library = self._world._library  # noqa: SLF001 - a world stops it, but does not freeze it
        family = [] if library is None else [library.pid]
        _signal(family, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(family, signal.SIGCONT)


def _nothing() -> None:
    """Kvar's own rules hold the address translation."""


def _children_of(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)
