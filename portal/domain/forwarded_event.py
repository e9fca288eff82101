"""An event as it leaves for the organisation's log collector.

Not the event log (that stays, and ends, here). The rule to keep: what leaves is out of our purge's
reach, so it holds pseudonyms only: no card, person, hardware address or IP address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ALARMS = frozenset(
    {
        "many_wrong_pins",
        "many_wrong_codes",
        "many_wrong_staff_sign_ins",
        "many_wrong_api_tokens",
        "library_system_misbehaved",
        "device_at_two_places",
        "impostor",
        "tutoring_interrupted",
        "privacy_levels_differ",
        "clock_jumped",
    }
)
"""Kinds of events that somebody should look at."""


@dataclass(frozen=True, slots=True)
class ForwardedEvent:
    """``device`` and ``session`` are names that mean nothing outside, "" where there is none."""

    id: int
    at: datetime
    kind: str
    site_id: str
    session: str
    device: str
    detail: Mapping[str, str]

    @property
    def is_alarm(self) -> bool:
        """Whether somebody should look at it."""
        return self.kind in ALARMS
