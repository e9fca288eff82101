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
from tests.portal.configurations import CLIENT, VILLAGE

CONFIG = parse(VILLAGE + CLIENT, Path("kvar.toml"))
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
