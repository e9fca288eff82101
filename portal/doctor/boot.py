"""Will the next start of the machine bring back what runs now? Asks systemd, and changes nothing.

Not whether it runs (outside.py). The rule to keep: where there is no systemd, or its units are not
installed, there is nothing to find.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from pathlib import Path

from portal.config import Config
from portal.doctor.finding import Finding, failure, right
from portal.doctor.machine import gateway

_CHECK = "start"
_SYSTEMD = Path("/run/systemd/system")


async def starts_by_itself(
    config: Config, runs: Callable[[], bool] = _SYSTEMD.exists
) -> list[Finding]:
    """Check that each unit which this configuration calls for is enabled."""
    if not runs():
        return []
    units = ["kvar.target"]
    units += ["kvar-closed.service"] if gateway(config) else []
    units += ["kvar-radius.service"] if config.radius is not None else []
    states = {unit: await _state(unit) for unit in units}
    if not states["kvar.target"]:
        return []
    found = [
        failure(_CHECK, f"{unit} is {state}", "have it at every start", f"systemctl enable {unit}")
        for unit, state in states.items()
        if state != "enabled"
    ]
    return found or [right(_CHECK, "all comes back when the machine starts anew")]


async def _state(unit: str) -> str:
    """Return what systemctl says; empty: there is no such unit."""
    command = ("systemctl", "is-enabled", unit)
    try:
        asked = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
    except OSError:
        return ""
    said, _ = await asked.communicate()
    return said.decode("ascii", "replace").strip().removesuffix("not-found")
