"""The engine's own certificate, for clients that speak TLS only: Apache's SnowflakeHook passes no ``protocol``.

The key never leaves the state directory. The certificate is for 127.0.0.1 and localhost and can sign nothing, so
whoever trusts it trusts this engine and nobody else.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from airflow_provider_mediabatch.local.errors import StateDamagedError
from airflow_provider_mediabatch.local.lifecycle import CA_BUNDLE

_PEM = "engine.pem"
_DAYS = 3650


def server_context(state_dir: Path) -> ssl.SSLContext:
    """What the engine answers TLS with. The certificate is made at the first start and then kept.

    The file that ``REQUESTS_CA_BUNDLE`` is to name is written too: the roots that clients of this environment trust
    already, and the engine's certificate.

    :raises StateDamagedError: when the certificate cannot be read.
    """
    pem = state_dir / _PEM
    if not pem.exists():
        _make(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pem)
    except ssl.SSLError as error:
        raise StateDamagedError(pem, error) from error
    certificate = pem.read_text()
    certificate = certificate[certificate.index("-----BEGIN CERTIFICATE") :]
    _write(state_dir / CA_BUNDLE, f"{_roots(state_dir).rstrip()}\n{certificate}")
    return context


def _roots(state_dir: Path) -> str:
    """The roots that ``requests`` uses without the engine."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        named = Path(os.environ.get(name) or os.devnull)
        if named.is_file() and named.resolve() != (state_dir / CA_BUNDLE).resolve():
            return named.read_text(errors="replace")
    import certifi

    return certifi.contents()


def _make(pem: Path) -> None:
    """Key and certificate in one file, which appears as a whole."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mediabatch local engine")])
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(pem, (private + certificate.public_bytes(serialization.Encoding.PEM)).decode())


def _write(path: Path, text: str) -> None:
    """For its owner's eyes only, from the first byte, and never half of it."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)
