"""The settings of a library system that is asked over HTTP, whatever its make.

The rule to keep: an address that would fail at the first login is refused here instead.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class RestSettings:
    """``url`` ends where the dialect's paths begin; ``ca_file`` None: the system's authorities.

    Raises:
        ValueError: on construction, for an address that cannot be asked.
    """

    url: str
    ca_file: Path | None = None
    answer_timeout_s: float = 5.0
    login_timeout_s: float = 8.0
    maximum_connections: int = 4
    maximum_waiting: int = 20

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("url must be https://HOST/…")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("url must have neither user, question mark nor #")
