from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firewall.lab.network import Lab, LabSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def open_lab() -> Iterator[Lab]:
    """Two phones with leases behind a gateway that lets everybody out."""
    with Lab(LabSettings(phones=2)) as lab:
        lab.open_plain_nat()
        for phone in lab.phones:
            phone.join(ipv6=True)
        yield lab
