"""What the day asks of a product under test, and what everybody in the day shares."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bench.day.clock import Clock
from bench.day.scenario import Fault
from firewall.lab.network import Lab
from firewall.lab.phone import Phone

Breakage = Callable[[], AbstractContextManager[None]]
"""Broken inside, mended afterwards."""


class Product(Protocol):
    """A captive portal in the lab's gateway, ready when the day begins."""

    name: str
    lab: Lab
    ipv6: bool
    """Whether it handles the guests' IPv6; if not, the lab has none."""
    terms: tuple[str, ...]
    """What differs for this product, and in whose favour; printed and kept with the results."""

    @property
    def breakages(self) -> Mapping[Fault, Breakage]:
        """How each fault is done to it. What is missing does not exist for it."""

    def log_in(self, phone: Phone, person: int) -> str:
        """Do what its page asks for; return "" when it took it, else what was in the way.

        Raises:
            LabError: the network is in the way; so may AssertionError be.
        """

    def let_in_by_tutor(self, phone: Phone, person: int) -> str:
        """The same with a tutor beside the visitor."""

    def end_tutoring(self, phone: Phone) -> None:
        """The tutor goes."""

    def roam(self, phone: Phone) -> None:
        """Take the phone to the organisation's other site; it has no lease there yet."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The product and the clock of one day."""

    product: Product
    clock: Clock
    tell: Callable[[str], None]
    """Prints a line with the minute of the day."""
