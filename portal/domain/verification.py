"""What a library system says about a card and a PIN."""

from enum import StrEnum


class Verification(StrEnum):
    """The outcome of one check. Only ``BAD_CREDENTIALS`` counts as a guess."""

    OK = "ok"
    BAD_CREDENTIALS = "bad_credentials"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    NOT_VERIFIED = "not_verified"
    """The library system answered without checking the PIN: refuse, and alarm IT."""
    REFUSED_BY_SERVER = "refused_by_server"
    """The library system refused *us*, not the patron: refuse, and alarm IT."""
    UNAVAILABLE = "unavailable"
