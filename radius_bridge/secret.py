"""Octets that must not reach a log: shared secrets and passwords.

The rule to keep: they are shown nowhere, and compared only by `fits`, in constant time. Nobody
changes one: it is not frozen because several are made for every log-in.
"""

import hmac
from dataclasses import dataclass


@dataclass(slots=True, repr=False, eq=False)
class Secret:
    """A shared secret of an access point, or a password."""

    value: bytes

    def reveal(self) -> bytes:
        """Return the octets, for the one place that needs them."""
        return self.value

    def fits(self, other: "Secret") -> bool:
        """Compare, in a time that tells at most a length."""
        return hmac.compare_digest(self.value, other.value)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__
