"""Debian's packages that Kvar runs on: which fixes of the security suite this machine lacks.

They are not shipped, so what is found is a hint, not a flaw. Only apt's own lists are read: they
are as new as the last `apt update`.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from deploy.flaws.report import Answer, Component

LISTS = Path("/var/lib/apt/lists")
OLDEST = timedelta(days=7)

_INSTALLED = re.compile(r"^Inst (\S+) \[(\S+)\] \((\S+) (.*)\)", re.MULTILINE)


def needed(control: str) -> tuple[str, ...]:
    """Return what a package's control file depends on and recommends, first alternatives only."""
    fields = re.findall(r"^(?:Depends|Recommends): (.+)$", control, re.MULTILINE)
    words = (one.split("|")[0].split("(")[0].strip() for line in fields for one in line.split(","))
    return tuple(sorted({word for word in words if not word.startswith("@")}))


def lacking(simulated: str, ours: frozenset[str]) -> list[str]:
    """Return the fixes of the security suite in what a simulated upgrade would do."""
    return [
        f"{name} {old}: {new} is in the security suite, apt upgrade takes it"
        for name, old, new, whence in _INSTALLED.findall(simulated)
        if name in ours and "security" in whence.lower()
    ]


def fixes(wanted: Sequence[str], now: datetime, lists: Path = LISTS) -> Answer:
    """Ask apt."""
    answer = Answer(
        source="Debian's security suite (apt)",
        tells="of fixes that this machine lacks, for the packages that Kvar needs",
        cannot_tell="of flaws without a fix, nor of other machines",
        asked=tuple(Component("Debian", name, "") for name in wanted),
        publishes=False,
    )
    releases = [*lists.glob("*security*InRelease"), *lists.glob("*security*_Release")]
    if not releases:
        return replace(answer, problem="apt knows no security suite")
    newest = datetime.fromtimestamp(max(one.stat().st_ctime for one in releases), now.tzinfo)
    if now - newest > OLDEST:
        return replace(answer, problem=f"its lists are of {newest:%Y-%m-%d}: apt update")
    try:
        closure = _apt("apt-cache", "depends", "--recurse", "--important", "--installed", *wanted)
        ours = frozenset(line for line in closure.splitlines() if line and line[0] not in " |<")
        simulated = _apt("apt-get", "--simulate", "--option=Debug::NoLocking=true", "dist-upgrade")
    except (OSError, subprocess.CalledProcessError) as problem:
        return replace(answer, problem=str(problem))
    judged = tuple(Component("Debian", name, "") for name in sorted(ours))
    hints = tuple(lacking(simulated, ours))
    return replace(answer, asked=judged, told_of=frozenset(judged), hints=hints)


def _apt(*words: str) -> str:
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={
        "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    })  # fmt: skip
    return done.stdout
