"""Certificates for RADIUS/TLS, made by docs/radius-tls.md's own commands, and wrong ones."""

import re
import subprocess
from functools import cached_property
from pathlib import Path

from radius_bridge.tls_context import TlsFiles

PAGE = Path(__file__).parents[2] / "docs" / "radius-tls.md"
SERVER = "radius.library.example"
ENTRANCE, HALL = "ap-entrance.library.example", "ap-hall.library.example"


def commands() -> list[str]:
    """The shell blocks of the page, in order."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(folder: Path, script: str) -> None:
    done = subprocess.run(
        ("sh", "-euc", script), cwd=folder, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


class Certificates:
    """A folder with what the page makes: NAME.pem and NAME.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for script in commands():
            run(folder, script)

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def server(self) -> TlsFiles:
        certificate, key = self.of(SERVER)
        return TlsFiles(certificate, key, self.authority)

    def of(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def sign(self, name: str, purpose: str = "clientAuth", day: str = "") -> None:
        """Sign another certificate of our authority, good for nine days from a day on."""
        at = f"faketime {day}" if day else ""
        run(
            self.folder,
            f"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            f"-subj /CN=signed -keyout {name}.key -out {name}.csr\n"
            f"printf '%s\\n' subjectAltName=DNS:{name} extendedKeyUsage={purpose} > {name}.ext\n"
            f"{at} openssl x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key "
            f"-CAcreateserial -days 9 -extfile {name}.ext -out {name}.pem",
        )

    @cached_property
    def foreign(self) -> "Certificates":
        """The same names under another authority."""
        folder = self.folder / "foreign"
        folder.mkdir()
        return Certificates(folder)
