"""Any order of guests, clocks and keepers: the gate and the sessions end up in agreement."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.session import EndReason
from portal.domain.sign_in_limits import Limits
from portal.domain.site import LoginMethod, Site
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.services.outcomes import Admitted, Captive, Online
from portal.services.reconcile import Reconciliation
from tests.portal.services.fakes import FakeGate, FakeLibrary
from tests.portal.services.stores import (
    MemoryArrivals,
    MemoryAttempts,
    MemoryEvents,
    MemoryGroups,
    MemoryReturns,
    MemorySessions,
)
from tests.portal.services.voucher_store import MemoryVouchers

Answer = TypeVar("Answer")

NIGHTLY = OpeningHours("Europe/Stockholm", ((Span(time(10), time(2)),),) * 7)
PINS = {"30000001": "1111", "30000002": "2222"}

devices = st.builds(
    lambda n, site: Device(MacAddress(f"02:00:00:00:00:0{n}"), SiteId(site)),
    st.integers(1, 5),
    st.sampled_from(["main", "branch"]),
)


class ServiceLife(RuleBasedStateMachine):
    """Five devices, two cards, two sites, one keeper, and a gate that fails at times."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 10, 24, 9, 0, tzinfo=UTC)
        self.directory = tempfile.TemporaryDirectory()
        attempts = MemoryAttempts()
        self.sessions = MemorySessions(attempts)
        self.gate = FakeGate()
        hourly = Site(
            SiteId("main"),
            "Main",
            (LoginMethod.CARD, LoginMethod.ACCEPT),
            NIGHTLY,
            time_limit=timedelta(hours=1),
            devices_per_card=2,
        )
        branch = Site(SiteId("branch"), "Branch", (LoginMethod.CARD,), None, devices_per_card=2)
        self.sites = {hourly.id: hourly, branch.id: branch}
        library = FakeLibrary()
        library.pins = dict(PINS)
        groups = MemoryGroups(self.sessions)
        doors = Doors(
            sessions=self.sessions,
            attempts=attempts,
            arrivals=MemoryArrivals(),
            groups=groups,
            vouchers=MemoryVouchers(self.sessions, groups),
            returns=MemoryReturns(self.sessions),
            events=MemoryEvents(),
            gate=self.gate,
            keys=KeyRing(Path(self.directory.name)),
            library=library,
            sites=self.sites,
            limits=Limits(attempts_per_day=1000, device_cards=1000, site_checks_per_s=1000),
        )
        self.guest = GuestService(doors)
        self.keeper = Reconciliation(self.sessions, self.gate, list(self.sites))
        self.agree = True

    def teardown(self) -> None:
        self.directory.cleanup()

    @staticmethod
    def run_now(work: Coroutine[Any, Any, Answer]) -> Answer:
        with asyncio.Runner() as runner:
            return runner.run(work)

    @rule(minutes=st.integers(-90, 300))
    def step_the_clock(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.agree = False

    @rule(device=devices, card=st.sampled_from(sorted(PINS)), right=st.booleans())
    def sign_in(self, device: Device, card: str, right: bool) -> None:
        pin = Secret(PINS[card] if right else "0000")
        outcome = self.run_now(self.guest.sign_in_with_card(device, Secret(card), pin, self.now))
        if isinstance(outcome, Admitted):
            assert right
            assert device.mac in self.gate.devices

    @rule(device=devices)
    def press_connect(self, device: Device) -> None:
        self.run_now(self.guest.accept(device, self.now))

    @rule(device=devices)
    def press_extend(self, device: Device) -> None:
        self.run_now(self.guest.extend(device, self.now))

    @rule(device=devices)
    def sign_out(self, device: Device) -> None:
        assert self.run_now(self.guest.sign_out(device, self.now))
        assert device.mac not in self.gate.devices

    @rule(device=devices)
    def look(self, device: Device) -> None:
        standing = self.run_now(self.guest.standing(device, self.now))
        session = self.sessions.live.get(device.mac)
        is_online = session is not None and self.now < session.due_at
        assert isinstance(standing, Online if is_online else Captive)

    @rule()
    def forget_at_the_gate(self) -> None:
        self.gate.devices.clear()
        self.agree = False

    @rule()
    def keep(self) -> None:
        self.run_now(self.keeper.run(self.now))
        self.agree = True
        assert all(self.now < session.due_at for session in self.sessions.live.values())
        assert self.gate.devices.keys() == self.sessions.live.keys()

    @invariant()
    def no_card_has_too_many_devices(self) -> None:
        places = [s for s in self.sessions.live.values() if not s.succeeded]
        cards = Counter(s.subject for s in places if s.subject is not None)
        assert all(count <= 2 for count in cards.values())

    @invariant()
    def the_gate_lets_nobody_else_through(self) -> None:
        if self.agree:
            assert self.gate.devices.keys() <= self.sessions.live.keys()

    @invariant()
    def every_end_had_a_reason_that_held(self) -> None:
        for session in self.sessions.past:
            assert session.ended_at is not None
            assert session.ended_at >= session.started_at
            if session.end_reason in {EndReason.TIME_LIMIT, EndReason.CLOSING_TIME}:
                assert session.end_reason is session.ends_because
                assert session.ended_at == session.due_at
            else:
                assert session.end_reason in {EndReason.LOGGED_OUT, EndReason.REPLACED}


ServiceLife.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestServiceLife = ServiceLife.TestCase
