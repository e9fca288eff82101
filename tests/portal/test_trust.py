"""Neighbours' certificates are judged alike under every Python."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firewall.lab.authority import Authority
from portal.trust import context_for


def test_it_verifies_chain_and_name_and_asks_for_no_perfect_form(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path, datetime(2026, 11, 27, tzinfo=UTC))
    context = context_for(authority.certificate_file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert len(context.get_ca_certs()) == 1


def test_without_a_file_the_systems_authorities_count() -> None:
    assert context_for(None).verify_mode is ssl.CERT_REQUIRED


def test_a_file_without_a_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    with pytest.raises(ssl.SSLError):
        context_for(tmp_path / "empty.pem")
