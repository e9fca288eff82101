"""PostgreSQL servers of a test's own, driven by PostgreSQL's own programs, reached over TCP too."""

import os
import pwd
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from portal.storage.binaries import find_binaries


@dataclass
class Cluster:
    """One PostgreSQL, driven by its own programs."""

    directory: Path
    port: int
    binaries: Path = field(default_factory=find_binaries)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def dsn(self) -> str:
        return f"postgresql://kvar@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            command = ["setpriv", *ids, "--", *command]
        log = self.directory / "log"
        with log.open("ab") as out:
            done = subprocess.run(command, stdout=out, stderr=out, check=False, cwd="/")
        assert done.returncode == 0, log.read_text()[-2000:]

    def create(self) -> None:
        self.run("initdb", "-D", str(self.data), "-U", "kvar", "--auth=trust", "--no-sync")

    def follow(self, primary: "Cluster") -> None:
        where = f"host=127.0.0.1 port={primary.port} user=kvar application_name=standby"
        self.run(
            "pg_basebackup",
            "-D",
            str(self.data),
            "-R",
            "-d",
            where,
            "--no-sync",
            "--checkpoint=fast",
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-D", str(self.data), "-w", "-s", "-o", options, "start")

    def kill(self) -> None:
        """Every process of it at once, with nothing written any more."""
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-s", "stop")

    def end(self) -> None:
        """Whatever is left of it, by its own number."""
        with suppress(OSError, ValueError):
            os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)

    def promote(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-s", "promote")
