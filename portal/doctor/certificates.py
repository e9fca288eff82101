"""Are the sites' certificates what phones and browsers accept?

The rule to keep: RFC 8908 clients ignore an API with a bad certificate, so renewals are told early.
"""

import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from portal.config import Portal, Staff
from portal.doctor.finding import Finding, Level, failure
from portal.setup import makeshift

RENEWAL_IS_LATE, RENEWAL_FAILED = timedelta(days=21), timedelta(days=7)
"""Clients renew 30 days ahead: three weeks are a hint, a week is the last moment for a person."""

_PAIR = "put certificate and key of one order there"


def certificate(file: Path, host_name: str, now: datetime) -> list[Finding]:
    """Check that a site's certificate is there, names the site, and is valid for long."""
    check = "certificate"
    try:
        chain = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as problem:
        way_out = "put the PEM chain where certificate_file says"
        return [Finding(check, Level.FAILURE, f"{file} cannot be used: {problem}", way_out)]
    findings = [_validity(chain[0], now)]
    if makeshift.is_of_it(chain[0]):
        text = f"{file} is the makeshift one of kvar setup, which no phone trusts"
        way_out = f"put one for {host_name} from a public authority there; docs/installation.md"
        command = "certbot certonly --deploy-hook /usr/share/kvar/acme-deploy-hook"
        return [Finding(check, Level.FAILURE, text, way_out, command)]
    if host_name not in _names(chain[0]):
        text = f"it does not name {host_name}"
        way_out = f"order a certificate for {host_name}"
        findings.append(Finding(check, Level.FAILURE, text, way_out))
    if len(chain) == 1:
        text = "the file holds one certificate, without the authority's own"
        way_out = "use the full chain: phones do not fetch what is missing (RFC 8908, 4.1)"
        findings.append(Finding(check, Level.WARNING, text, way_out))
    return findings


def staff_certificate(section: Staff | None, now: datetime) -> list[Finding]:
    """Check the staff site's certificate too, where it has one of its own."""
    if section is None or section.certificate_file is None:
        return []
    found = certificate(section.certificate_file, section.host_name, now)
    return [replace(finding, check="staff certificate") for finding in found]


def _validity(leaf: x509.Certificate, now: datetime) -> Finding:
    left = leaf.not_valid_after_utc - now
    text = f"valid until {leaf.not_valid_after_utc:%Y-%m-%d}"
    if leaf.not_valid_before_utc > now or left <= timedelta():
        way_out = "renew it now: phones and browsers refuse the site"
        text = f"not valid today; {text}"
        return Finding("certificate", Level.FAILURE, text, way_out, "certbot renew")
    if left < RENEWAL_IS_LATE:
        level = Level.FAILURE if left < RENEWAL_FAILED else Level.WARNING
        way_out = f"renew it: {left.days} days are left"
        return Finding("certificate", level, text, way_out, "certbot renew")
    return Finding("certificate", Level.RIGHT, text)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)


def chain_and_key(section: Portal | Staff) -> list[Finding]:
    """Check that the key belongs to the certificate, and that each link follows from the next."""
    file, key_file = section.certificate_file, section.private_key_file
    if file is None or key_file is None:
        return []
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, key_file)
        chain = x509.load_pem_x509_certificates(file.read_bytes())
    except PermissionError:
        text = f"{file} or {key_file} cannot be read by the site's own user"
        command = f"chgrp kvar {file} {key_file} && chmod 640 {file} {key_file}"
        return [failure("certificate", text, "let its group read them", command)]
    except (OSError, ValueError) as problem:
        return [failure("certificate", f"{key_file} does not fit {file}: {problem}", _PAIR)]
    for leaf, issuer in pairwise(chain):
        try:
            leaf.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            text = f"{file} is no chain: {leaf.subject.rfc4514_string()} is not signed by the next"
            return [failure("certificate", text, "use the authority's full chain, leaf first")]
    return []
