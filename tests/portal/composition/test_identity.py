"""The commands about the key that card numbers are sealed to."""

from pathlib import Path

import pytest

from portal.composition import identity
from portal.composition.doors import compose_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import ConfigError, parse
from portal.services.key_ring import KeyRing
from portal.storage.database import Database
from tests.portal.services.fakes import FakeGate

EXAMPLE = Path(__file__).parents[3] / "deploy" / "kvar.toml"
PASSPHRASE = "sex gröna fåglar sover i kväll"


def configured(public_key: str, directory: Path) -> Config:
    section = f'[sealed_identity]\npublic_key = "{public_key}"\nreason = "a court has ordered it"\n'
    text = EXAMPLE.read_text("utf-8").replace("/var/lib/kvar", str(directory))
    return parse(text.replace("[[sites]]", f"{section}\n[[sites]]", 1), EXAMPLE)


def test_a_key_is_made_once_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "private"
    with pytest.raises(StartError, match="at least 16 characters"):
        identity.make_key(file, "kort")
    said = identity.make_key(file, PASSPHRASE)
    public = said.partition('public_key = "')[2].partition('"')[0]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text("ascii").startswith("kvar-identity-key-1:")
    with pytest.raises(StartError, match="nothing was made"):
        identity.make_key(file, PASSPHRASE)

    config = configured(public, tmp_path)
    assert identity.check_key(config, file, PASSPHRASE) == f"{file} opens what is sealed now"
    with pytest.raises(StartError, match="the passphrase is another"):
        identity.check_key(config, file, "en annan lösenfras")
    other = tmp_path / "other"
    identity.make_key(other, PASSPHRASE)
    with pytest.raises(StartError, match="is another key's"):
        identity.check_key(config, other, PASSPHRASE)
    for unreadable in (tmp_path / "none", tmp_path):
        with pytest.raises(StartError, match="cannot be read"):
            identity.check_key(config, unreadable, PASSPHRASE)
    without = config.model_copy(update={"sealed_identity": None})
    with pytest.raises(StartError, match="nothing is sealed"):
        identity.check_key(without, file, PASSPHRASE)


def test_a_key_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sealed_identity\.public_key"):
        configured("rubbish", tmp_path)
    config, keys = configured("A" * 43 + "=", tmp_path), KeyRing(tmp_path / "keys")
    with pytest.raises(StartError, match="public_key is no key"):
        compose_doors(config, Database("postgresql://nowhere"), FakeGate(), keys, None)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("seal_identity = true", "needs the key of [sealed_identity]"),
        ("seal_identity = true\nprivacy_level = 1", "privacy_level 1 names nobody"),
    ],
)
def test_what_seals_nothing_is_said_so(more: str, told: str) -> None:
    text = EXAMPLE.read_text("utf-8").replace("[[sites]]", f"[[sites]]\n{more}", 1)
    with pytest.raises(ConfigError) as refused:
        parse(text, EXAMPLE)
    assert told in str(refused.value)
