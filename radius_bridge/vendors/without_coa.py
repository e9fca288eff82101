"""What access points have in common that take no CoA: they hear a Disconnect at most.

Not a family. The rule to keep: what a family says that it can be told (`reach`) and what it is told
(`dynamic`) stand together.
"""

from radius_bridge.access import Grant, Station
from radius_bridge.vendors import standard
from radius_bridge.vendors.family import DynamicMessage, DynamicVerb, Reach


class HearsNothing(standard.Standard):
    """Nothing that is said of a running session reaches it: each ends as its Accept said."""

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return None."""
        del verb, grant, station
        return None

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return NOTHING."""
        del station, role
        return Reach.NOTHING


class HearsDisconnects(standard.Standard):
    """A device is put out; it is let in, and gets other limits, with its next login."""

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a Disconnect to put the device out, None for all else."""
        del grant
        return standard.disconnect(self.keys(station)) if verb is DynamicVerb.EXPEL else None

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return EXPEL where the session can be named."""
        del role
        return Reach.EXPEL if self.keys(station) else Reach.NOTHING
