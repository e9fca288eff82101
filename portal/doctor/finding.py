"""What the doctor found: one line, how serious, and the way out. Pure.

The rule to keep: whatever is not right says what to do, as a command wherever there is one.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is."""

    RIGHT = "right"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it stands, and the way out.

    ``command`` is the way out to be typed as it stands, where there is one.
    """

    check: str
    level: Level
    text: str
    way_out: str = ""
    command: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether the exit code must be 1."""
        return self.level is Level.FAILURE


def right(check: str, text: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check, Level.RIGHT, text)


def warning(check: str, text: str, way_out: str, command: str = "") -> Finding:
    """Return a finding to be looked at."""
    return Finding(check, Level.WARNING, text, way_out, command)


def failure(check: str, text: str, way_out: str, command: str = "") -> Finding:
    """Return a finding for which guests, staff or their data suffer."""
    return Finding(check, Level.FAILURE, text, way_out, command)


_SIGNS = {Level.RIGHT: "✓", Level.WARNING: "!", Level.FAILURE: "✗"}


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line a finding, and one more with the way out where there is one."""
    lines = []
    for finding in findings:
        lines.append(f"{_SIGNS[finding.level]} {finding.check}: {finding.text}")
        if finding.way_out:
            lines.append(f"    → {finding.way_out}")
        if finding.command:
            lines.append(f"    $ {finding.command}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list."""
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1)
