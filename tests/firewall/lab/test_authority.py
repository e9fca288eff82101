from __future__ import annotations

import datetime as dt
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from firewall.lab.authority import Authority

if TYPE_CHECKING:
    import pathlib

NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
HOST = "login.library.example"


def _verify(authority: Authority, chain: bytes, at: dt.datetime, host: str = HOST) -> None:
    leaf, *rest = x509.load_pem_x509_certificates(chain)
    store = Store([authority.certificate])
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(host))
    verifier.verify(leaf, rest)


def test_a_leaf_is_valid_in_its_time_and_for_its_name(tmp_path: pathlib.Path) -> None:
    authority = Authority.create(tmp_path, NOW)
    chain = authority.issue([HOST, "10.44.0.1"], NOW, valid=dt.timedelta(days=30)).chain
    text = chain.read_bytes()
    _verify(authority, text, NOW)
    _verify(authority, text, NOW + dt.timedelta(days=29))
    for at, host in ((NOW + dt.timedelta(days=31), HOST), (NOW, "other.example")):
        with pytest.raises(VerificationError):
            _verify(authority, text, at, host)


def test_another_authority_does_not_vouch(tmp_path: pathlib.Path) -> None:
    authority = Authority.create(tmp_path, NOW)
    chain = authority.issue_chain([HOST], NOW)
    with pytest.raises(VerificationError):
        _verify(Authority.create(tmp_path, NOW), chain, NOW)


def test_keys_are_for_their_owner_only(tmp_path: pathlib.Path) -> None:
    certificate = Authority.create(tmp_path, NOW).issue([HOST], NOW)
    assert stat.S_IMODE(certificate.key.stat().st_mode) == 0o600
    assert certificate.chain.read_bytes().count(b"BEGIN CERTIFICATE") == 2


def test_the_hash_is_that_of_the_root(tmp_path: pathlib.Path) -> None:
    assert len(Authority.create(tmp_path, NOW).spki_hash) == 44
