"""What the pages on access points tell an administrator to write is accepted, as it stands."""

import re
from pathlib import Path

import pytest

from portal.config import Config
from portal.config_file import parse
from radius_bridge.clients import FamilyName
from tests.portal.configurations import PORTAL

DOCS = Path(__file__).parents[2] / "docs"
MAKERS = sorted((DOCS / "access-points").glob("*.md"))
PAGE = "".join(page.read_text("utf-8") for page in (DOCS / "access-points.md", *MAKERS))
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HEAD = f"""{PORTAL}
[[sites]]
id = "main"
name = "Stadsbiblioteket"
login_methods = ["accept"]

[radius]
certificate_file = "/etc/kvar/radius.pem"
private_key_file = "/etc/kvar/radius-key.pem"
client_ca_file = "/etc/kvar/radius-ca.pem"
"""


def read(text: str) -> Config:
    return parse(HEAD + text, Path("kvar.toml"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_accepted(example: str) -> None:
    radius = read(example).radius
    assert radius is not None
    assert [client.site for client in radius.clients] == ["main"]


def test_all_of_them_stand_in_one_file() -> None:
    radius = read("".join(EXAMPLES)).radius
    assert radius is not None
    assert {client.family for client in radius.clients} == set(FamilyName)


def test_the_table_has_every_family() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?!what)", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(FamilyName)


def test_the_portals_addresses_are_those_of_the_examples() -> None:
    """The last part of an address is the client's name in kvar.toml."""
    radius = read("".join(EXAMPLES)).radius
    assert radius is not None
    named = set(re.findall(r"/at/([a-z][a-z-]*)", PAGE))
    assert named <= {client.name for client in radius.clients}
