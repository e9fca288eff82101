"""What every library system's section has: what a card looks like, and how long to wait.

Not the sections themselves (config.py).
"""

from pydantic import Field

from portal.config_types import Pattern, Section


class CardCheck(Section):
    """Cards and PINs are checked by somebody else."""

    card_pattern: Pattern = Field(r"\d+", description="Regular expression a whole card must match.")
    card_length: int | None = Field(None, ge=1, le=64, description="Digits on every card, if so.")
    pin_pattern: Pattern = Field(r"\d+", description="Regular expression a whole PIN must match.")
    reject_personal_numbers: bool = Field(
        default=True, description="Refuse what looks like a Swedish personal identity number."
    )
    answer_timeout_s: float = Field(5.0, gt=0, le=30, description="For each answer.")
    login_timeout_s: float = Field(8.0, gt=0, le=60, description="For a login in all.")
    maximum_connections: int = Field(
        2, ge=1, le=16, description="At once; some vendors license each."
    )
    maximum_waiting: int = Field(
        20, ge=0, le=1000, description="Logins that wait for a connection; more are told to wait."
    )
    lock_limit: int | None = Field(
        None, ge=3, description="After how many wrong PINs the library system locks a card."
    )
