from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

SECRETS = ("20000000000001", "20000000000009", "1234", "9999", "s3cret", "demo-sip2", "Eva Berg")


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged; no test of a library system may put a secret there."""
    with capture_logs() as entries:
        yield entries
    assert not [secret for secret in SECRETS if secret in repr(entries)]
