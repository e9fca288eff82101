"""Play one day on one product: phones, strangers and faults, each in a thread of its own."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager

from bench.day.clock import Clock, DayOverError
from bench.day.count import Seen
from bench.day.product import Product, Stage
from bench.day.scenario import SITES, Day, Fault, FaultAt
from bench.day.stranger import Stranger, arrived
from bench.day.visitor import Visitor
from firewall.lab.network import Lab
from firewall.lab.phone import Phone

STRANGERS = SITES


@dataclasses.dataclass(frozen=True, slots=True)
class Played:
    """What was seen, how many faults were done, and which do not exist for the product."""

    product: str
    seen: Seen
    faults: int
    skipped: tuple[Fault, ...]
    terms: tuple[str, ...]


def play(
    day: Day,
    opened: AbstractContextManager[Product],
    minute_s: float,
    tell: Callable[[str], None] = print,
) -> Played:
    """Play the day to its end. Whatever fails in the lab itself ends it and is raised."""
    with opened as running:
        clock = Clock(minute_s)
        stage = Stage(running, clock, lambda text: tell(f"{clock.minute:6.1f}  {text}"))
        return _Playing(day, stage).run()


class _Playing:
    def __init__(self, day: Day, stage: Stage) -> None:
        self._day = day
        self._stage = stage
        self._lab: Lab = stage.product.lab
        self._skipped: list[Fault] = []
        self._cuts: list[tuple[float, float]] = []

    def run(self) -> Played:
        tutored = {tutoring.device for tutoring in self._day.tutorings}
        visitors = [
            Visitor(self._stage, device, self._phone(device.site), tutored=device.number in tutored)
            for device in self._day.devices
        ]
        strangers = [Stranger(self._stage, self._phone(site)) for site in range(STRANGERS)]
        self._lab.internet.forget()
        self._stage.clock.start()
        minutes = self._day.size.minutes
        lives: list[Callable[[], Seen]] = [visitor.live for visitor in visitors]
        lives += [lambda each=each: each.live(minutes) for each in strangers]
        seen = together(self._together([*lives, self._break_things]))
        seen.stranger_packets = self._strangers_packets()
        return Played(
            product=self._stage.product.name,
            seen=self._completed(seen),
            faults=len(self._day.faults) - len(self._skipped),
            skipped=tuple(dict.fromkeys(self._skipped)),
            terms=self._stage.product.terms,
        )

    def _phone(self, site: int) -> Phone:
        """A phone that is not there yet: its link is down."""
        phone = self._lab.add_phone(site=site % len(self._lab.sites))
        phone.link_down()
        return phone

    def _together(self, lives: Sequence[Callable[[], Seen]]) -> list[Seen]:
        """Run all at once; when one fails, the others stop, and its error is raised."""
        with ThreadPoolExecutor(len(lives), thread_name_prefix="day") as threads:
            futures = [threads.submit(live) for live in lives]
            done, rest = wait(futures, return_when=FIRST_EXCEPTION)
            if rest:
                self._stage.clock.give_up()
        for future in _first_failures(done):
            future.result()
        return [future.result() for future in futures]

    def _break_things(self) -> Seen:
        breakages, clock = self._stage.product.breakages, self._stage.clock
        for at in self._day.faults:
            clock.wait_until(at.begins)
            if at.fault not in breakages:
                self._skipped.append(at.fault)
                self._stage.tell(
                    f"— {at.fault.value}: does not exist for {self._stage.product.name}"
                )
                continue
            self._break(at, breakages[at.fault]())
        return Seen()

    def _break(self, at: FaultAt, broken: AbstractContextManager[None]) -> None:
        clock = self._stage.clock
        began = clock.seconds
        self._stage.tell(f"! {at.fault.value}")
        with broken:
            clock.wait_until(at.ends)
        self._stage.tell(f"  {at.fault.value}: over after {clock.seconds - began:.1f} s")
        if at.fault is Fault.UPLINK_DOWN:
            self._cuts.append((began, clock.seconds))

    def _strangers_packets(self) -> int:
        passed = arrived(self._lab.internet)
        for minute, packets in sorted(passed.items()):
            self._stage.tell(f"{packets} packets of strangers passed in minute {minute}")
        return passed.total()

    def _completed(self, seen: Seen) -> Seen:
        minute_s = self._stage.clock.minute_s
        seen.uplink_cuts = self._cuts
        seen.tutored = {
            each.device: (each.begins * minute_s, each.ends * minute_s)
            for each in self._day.tutorings
        }
        return seen


def _first_failures(done: set[Future[Seen]]) -> Iterator[Future[Seen]]:
    """Yield what failed by itself, before what only stopped because of it."""
    failed = [future for future in done if future.exception() is not None]
    yield from sorted(failed, key=lambda each: isinstance(each.exception(), DayOverError))


def together(parts: Sequence[Seen]) -> Seen:
    """Return everything that the parts saw: lists joined, numbers added."""
    whole = Seen()
    for field in dataclasses.fields(Seen):
        values = [getattr(part, field.name) for part in parts]
        if isinstance(values[0], list):
            setattr(whole, field.name, [item for value in values for item in value])
        elif isinstance(values[0], int):
            setattr(whole, field.name, sum(values))
    return whole
