"""What was asked, who answered, what is known: values, their text and their JSON.

Pure; no source is asked here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)

IN_ORDER, FLAWS_KNOWN, NOBODY_TOLD = 0, 1, 2
"""Exit statuses."""


@dataclass(frozen=True, order=True)
class Component:
    """A library of one version. ``ecosystem`` is PyPI, npm or Debian, as OSV writes them."""

    ecosystem: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, order=True)
class Flaw:
    """Something published about one component: ``names`` are its identifiers, the first its own."""

    component: Component
    names: tuple[str, ...]
    text: str = ""
    fixed_in: tuple[str, ...] = ()

    def is_same(self, other: "Flaw") -> bool:
        """Say whether both tell of one thing."""
        return self.component == other.component and not set(self.names).isdisjoint(other.names)


@dataclass(frozen=True)
class Answer:
    """What one source told. ``told_of`` are those that it judged; ``problem`` is why it did not."""

    source: str
    tells: str
    cannot_tell: str
    asked: tuple[Component, ...]
    told_of: frozenset[Component] = frozenset()
    flaws: tuple[Flaw, ...] = ()
    hints: tuple[str, ...] = ()
    problem: str = ""
    publishes: bool = True
    """Whether it tells of published flaws at all; one of these must have answered."""


@dataclass(frozen=True)
class Report:
    """All answers about the shipped libraries and about those that only tests use."""

    version: str
    made_at: str
    shipped: tuple[Component, ...]
    answers: tuple[Answer, ...]
    flaws: tuple[Flaw, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flaws", tuple(_merged(self.answers)))

    @property
    def untold(self) -> list[Component]:
        """What is shipped, and no list of published flaws could tell of."""
        told = {one for answer in self.answers if answer.publishes for one in answer.told_of}
        return [one for one in self.shipped if one not in told]

    @property
    def status(self) -> int:
        """Return the exit status."""
        if self.flaws:
            return FLAWS_KNOWN
        return NOBODY_TOLD if len(self.untold) == len(self.shipped) else IN_ORDER

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        yield f"Known flaws of Kvar {self.version}, {self.made_at}: {len(self.shipped)} libraries"
        for answer in self.answers:
            yield from _told(answer)
        for flaw in self.flaws:
            way_out = f"; fixed in {', '.join(flaw.fixed_in)}" if flaw.fixed_in else ""
            yield f"✗ {flaw.component}: {', '.join(flaw.names)} {flaw.text}{way_out}"
        if self.untold:
            names = ", ".join(map(str, self.untold))
            yield f"! nobody could tell of {len(self.untold)}: {names}"
        yield {
            IN_ORDER: "No flaw is known in what could be judged.",
            FLAWS_KNOWN: f"{len(self.flaws)} known: `make lock` takes what is fixed.",
            NOBODY_TOLD: "No list of published flaws answered: nothing is known either way.",
        }[self.status]

    def document(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "version": self.version,
            "made_at": self.made_at,
            "status": {
                IN_ORDER: "none known", FLAWS_KNOWN: "flaws", NOBODY_TOLD: "not told",
            }[self.status],
            "sources": [
                {
                    "name": one.source, "answered": not one.problem, "problem": one.problem,
                    "asked": len(one.asked), "told": len(one.told_of), "tells": one.tells,
                    "cannot_tell": one.cannot_tell, "hints": list(one.hints),
                }
                for one in self.answers
            ],
            "flaws": [
                {
                    "ecosystem": one.component.ecosystem, "name": one.component.name,
                    "version": one.component.version, "identifiers": list(one.names),
                    "text": one.text, "fixed_in": list(one.fixed_in),
                }
                for one in self.flaws
            ],
            "not_told_of": [str(one) for one in self.untold],
        }  # fmt: skip


def _told(answer: Answer) -> Iterator[str]:
    if answer.problem:
        yield f"- {answer.source}: no answer ({answer.problem})"
    else:
        yield f"✓ {answer.source}: told of {len(answer.told_of)} of {len(answer.asked)}"
        yield f"    tells {answer.tells}; cannot tell {answer.cannot_tell}"
    for hint in answer.hints:
        yield f"    {hint}"


def _merged(answers: Sequence[Answer]) -> Iterator[Flaw]:
    """Yield every flaw once, as the source tells it that knows it by most names."""
    found = (flaw for answer in answers for flaw in answer.flaws)
    kept: list[Flaw] = []
    for flaw in sorted(found, key=lambda one: (-len(one.names), one)):
        if not any(flaw.is_same(other) for other in kept):
            kept.append(flaw)
    yield from sorted(kept)


def pinned(lock: str) -> tuple[Component, ...]:
    """Return what a lock file pins, each name as PEP 503 compares it."""
    found = (Component("PyPI", plain(name), version) for name, version in _PIN.findall(lock))
    return tuple(sorted(set(found)))


def packaged(lock: dict[str, Any]) -> tuple[Component, ...]:
    """Return what npm's lock file pins (lockfileVersion 3)."""
    prefix = "node_modules/"
    found: Iterable[tuple[str, dict[str, Any]]] = lock["packages"].items()
    return tuple(
        sorted(
            Component("npm", path.rpartition(prefix)[2], entry["version"])
            for path, entry in found
            if path.startswith(prefix)
        )
    )


def plain(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
