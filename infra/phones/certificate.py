"""A self-signed certificate for the mail server's STARTTLS."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """The files (certificate, key) in `folder`, made once; for 127.0.0.1 and localhost."""
    certificate, key = folder / "mail.pem", folder / "mail.key"
    if certificate.exists() and key.exists():
        return certificate, key
    _make(certificate, key)
    return certificate, key


def _make(certificate: Path, key: Path) -> None:
    # Loaded once in the life of a folder: 0.1 s of processor time that every other start can do without.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.stand-in.example")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    key.touch(mode=0o600)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
