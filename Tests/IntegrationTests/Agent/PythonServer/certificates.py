"""Certificates for servers, made by the openssl command."""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """A certificate and its private key, in files of PEM."""

    certificate: Path
    key: Path


# Without what the machine's own configuration would add.
CONFIGURATION = "[req]\ndistinguished_name = dn\n[dn]\n"

HERE = "IP:127.0.0.1,DNS:localhost"


def issue(
    folder: Path, name: str, *, names: str = HERE, by: Identity | None = None, expired: bool = False
) -> Identity:
    """A server's certificate: that of an authority, or self-signed."""
    extensions = ["subjectAltName=" + names, "basicConstraints=CA:false"]
    return _make(folder, name, extensions, by, expired)


def authority(folder: Path, name: str) -> Identity:
    return _make(folder, name, ["basicConstraints=critical,CA:true", "keyUsage=keyCertSign"])


def _make(
    folder: Path,
    name: str,
    extensions: list[str],
    by: Identity | None = None,
    expired: bool = False,
) -> Identity:
    identity = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    configuration = folder / "openssl.cnf"
    configuration.write_text(CONFIGURATION)
    words = ["openssl", "req", "-x509", "-config", configuration, "-subj", f"/CN={name}", "-nodes"]
    words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30"]
    words += ["-keyout", identity.key, "-out", identity.certificate]
    for extension in extensions:
        words += ["-addext", extension]
    if by:
        words += ["-CA", by.certificate, "-CAkey", by.key]
    if expired:
        words = ["faketime", "2020-02-03 04:05:06", *words]
    subprocess.run(words, check=True, capture_output=True)
    return identity
