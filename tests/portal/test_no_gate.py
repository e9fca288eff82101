"""A machine without a gate: it agrees, and pretends nothing."""

from pathlib import Path

import pytest

from portal.composition.everything import _children, _gate
from portal.composition.gate import open_gate, run_gate
from portal.composition.start import StartError
from portal.config_file import parse
from portal.doctor.network import gate
from portal.domain.identity import MacAddress
from portal.no_gate import NoGate

VILLAGE = """
[organisation]
name = "Umeå bibliotek"

[portal]
host_name = "wifi.example.se"
certificate_file = "/etc/kvar/chain.pem"
private_key_file = "/etc/kvar/key.pem"

[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["accept"]

[radius]
[[radius.clients]]
name = "ap"
networks = ["10.1.2.0/24"]
secret = "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"
site = "village"
"""

CONFIG = parse(VILLAGE, Path("kvar.toml"))
MAC = MacAddress("02:00:5e:00:00:2a")


async def test_it_agrees_and_knows_nobody() -> None:
    async with open_gate(CONFIG) as gate:
        assert isinstance(gate, NoGate)
        await gate.admit(MAC, 60.0)
        assert await gate.usage() == {}
        assert await gate.identify("10.1.2.3") is None
        assert await gate.reconcile([(MAC, 60.0)]) == 0
        await gate.probe([MAC])
        await gate.expel(MAC)
        assert await gate.missing_interfaces() == frozenset()


async def test_no_gate_is_started() -> None:
    assert _gate(CONFIG, Path("kvar.toml")) == []
    assert "gate" not in {child.name for child in _children(CONFIG, Path("kvar.toml"))}
    with pytest.raises(StartError, match="no site has guest_interfaces"):
        await run_gate(CONFIG)


async def test_the_doctor_says_so() -> None:
    [finding] = await gate(CONFIG)
    assert not finding.is_failure
    assert "access points" in finding.text
