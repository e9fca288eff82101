"""Guest networks are closed in routing before their interfaces exist."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root
EXAMPLE = Path("deploy/kvar.toml")


def _in_a_network_of_its_own(script: str) -> str:
    done = subprocess.run(
        ["unshare", "--net", "sh", "-euc", script], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_both_families_are_closed_and_a_second_time_adds_nothing() -> None:
    close = f"{sys.executable} -m portal --config {EXAMPLE} close"
    said = _in_a_network_of_its_own(f"{close}; echo again; {close}; ip rule; ip -6 rule")
    first, _, after = said.partition("again\n")
    assert "closed in routing (IPv4)" in first
    assert "closed in routing (IPv6)" in first
    assert "closed" not in after
    assert after.count("iif guest0") == 2
    assert after.count("blackhole") == len(first.splitlines())


def test_without_the_privilege_it_says_so() -> None:
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-all", "--reuid", "65534", "--regid", "65534",
         "--clear-groups", sys.executable, "-m", "portal", "--config", str(EXAMPLE), "close"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("kvar: guest networks cannot be closed: ")
