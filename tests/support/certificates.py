"""Certificates for servers on this machine: good ones, and one for each way of being wrong."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates of servers. ``pem`` is what a client must know to trust them."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._cert = self._signed("Invented Authority", self._key, issuer=None, valid=(-1, 30), hosts=())
        self.pem = self._cert.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, folder: Path, *hosts: str, valid: tuple[int, int] = (-1, 30)) -> tuple[Path, Path]:
        """Files of a certificate and of its key, for ``hosts``, from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self._signed(hosts[0], key, issuer=self._cert, valid=valid, hosts=hosts)
        paths = folder / f"{hosts[0]}-{valid[1]}.crt", folder / f"{hosts[0]}-{valid[1]}.key"
        paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def context(self, folder: Path, *hosts: str, valid: tuple[int, int] = (-1, 30)) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server(folder, *hosts, valid=valid))
        return context

    def _signed(self, name, key, *, issuer, valid, hosts) -> x509.Certificate:
        today = datetime.now(UTC)  # noqa: TID251 (TLS libraries read the real clock)
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer.subject if issuer else _name(name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today + timedelta(days=valid[0] if valid[1] > 0 else valid[1] - 1))
            .not_valid_after(today + timedelta(days=valid[1]))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if issuer is None:
            usage = x509.KeyUsage(*(False,) * 5, *(True,) * 2, *(False,) * 2)  # signs certificates and nothing else
            made = made.add_extension(usage, critical=True)
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([_alternative(h) for h in hosts]), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
