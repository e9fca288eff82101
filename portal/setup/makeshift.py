"""A certificate of our own making, so that everything can start before the real one is there.

Not a certificate that any phone trusts, and ``kvar doctor`` says so. The rule to keep: it never
takes the place of a file that is there.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NAME = "Kvar: makeshift"
"""The issuer, by which the doctor knows it."""

_VALID = timedelta(days=90)
_CLOCKS_DIFFER = timedelta(hours=1)


def make(host_name: str, now: datetime) -> tuple[bytes, bytes]:
    """Return certificate and private key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return _certify(key, host_name, now), private


def certify(private: bytes, host_name: str, now: datetime) -> bytes:
    """Return a certificate for a key that is there already, as PEM.

    Raises:
        ValueError: it is no private key that can be used.
    """
    try:
        key = serialization.load_pem_private_key(private, password=None)
    except TypeError as problem:  # it is under a password
        raise ValueError(str(problem)) from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither an EC nor an RSA key")  # noqa: TRY004 - of the file's content
    return _certify(key, host_name, now)


def _certify(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, host_name: str, now: datetime
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    names = x509.SubjectAlternativeName([x509.DNSName(host_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def is_of_it(certificate: x509.Certificate) -> bool:
    """Say whether a certificate is a makeshift one."""
    names = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [name.value for name in names] == [NAME]
