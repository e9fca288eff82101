"""Podman with all that it keeps in one folder, and the images that a registry would give.

Not a fixture: `store()` makes the folder and takes it away. No registry is asked: `debian:12-slim`
is made by debootstrap, `postgres:16` is a stand-in with Debian's PostgreSQL 15 that takes the same
variables.
The rule to keep: the machine's own images, volumes and networks are never touched.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firewall.lab.processes import Namespace
from tests.deploy.clean_root import AUTHORITIES, CACHE

DEBIAN = "docker.io/library/debian:12-slim"
POSTGRES = "docker.io/library/postgres:16"

RUN_S = 900.0

CONTAINERS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
tmp_dir = "{folder}/state"
[network]
network_config_dir = "{folder}/networks"
"""

STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""

NO_LEFTOVERS = """
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
"""What Debian's own image tells apt, so that layers hold no caches."""

DATABASE = f"""
FROM {DEBIAN}
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql \\
 && useradd --uid 64000 anybody && install --directory --mode 1777 /var/lib/postgresql/data \\
 && install --directory --mode 3777 /run/postgresql
ENV PATH=/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY start /start
ENTRYPOINT ["/bin/sh", "/start"]
"""

DATABASE_START = """
set -eu
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --auth="$POSTGRES_HOST_AUTH_METHOD" "$PGDATA"
    echo "create database $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" "$@"
"""


def entering(inside: Namespace | None) -> tuple[str, ...]:
    """The words that take a command into a network, and leave it this machine's mounts.

    `ip netns exec` would give each command mounts of its own, and podman's would be in one of them.
    """
    return () if inside is None else ("nsenter", f"--net=/run/netns/{inside.name}")


@dataclass(frozen=True)
class Store:
    """Where the images are."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What leads podman, and whatever calls it, here."""
        return {
            **os.environ,
            "CONTAINERS_CONF": f"{self.folder}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{self.folder}/storage.conf",
        }

    def run(self, *words: str | Path, inside: Namespace | None = None, check: bool = True) -> str:
        """Run a command, on this machine's network or in a namespace; return what it printed."""
        argv = [str(word) for word in words]
        done = subprocess.run(
            [*entering(inside), *argv], check=False, capture_output=True, text=True,
            env=self.environment, timeout=RUN_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, (argv, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def build(self, tag: str, *words: str | Path) -> None:
        """Build an image with this machine's network, and its authorities for the package index."""
        trust = ("--volume", f"{AUTHORITIES}:/mnt/authorities.pem:ro")
        settings = ("--volume", f"{self.folder}/pip.conf:/etc/pip.conf:ro")
        how = ("--isolation", "chroot", "--network", "host", "--pull=never", *trust, *settings)
        self.run("podman", "build", *how, "--tag", tag, *words)

    def size(self, tag: str) -> int:
        """Return an image's size in bytes, with all that it stands on."""
        return int(self.run("podman", "image", "inspect", "--format={{.Size}}", tag))


@contextmanager
def store() -> Iterator[Store]:
    """A store with Debian's image in it."""
    folder = Path(tempfile.mkdtemp(prefix="kvar-containers-", dir="/var/tmp"))
    files, processes = (
        min(resource.getrlimit(limit)[1] % (1 << 63), 4096)
        for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
    )
    conf = CONTAINERS.format(folder=folder, files=files, processes=processes)
    (folder / "containers.conf").write_text(conf)
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    (folder / "pip.conf").write_text("[global]\ncert = /mnt/authorities.pem\n")
    made = Store(folder)
    try:
        _put_debian(made)
        yield made
    finally:
        made.run("podman", "rm", "--all", "--force", "--time=1", check=False)
        made.run("podman", "system", "reset", "--force", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _put_debian(made: Store) -> None:
    packed = CACHE / "debian-12-slim.tar"
    if not packed.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir="/var/tmp") as root:
            command = ["debootstrap", "--variant=minbase", "bookworm", root]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (Path(root) / "etc/apt/apt.conf.d/docker-clean").write_text(NO_LEFTOVERS)
            left_out = ("./var/lib/apt/lists/*", "./var/cache/apt/*", "./dev/*", "./proc/*")
            without = (*(f"--exclude={one}" for one in left_out), f"--directory={root}", ".")
            unfinished = packed.with_suffix(".unfinished")
            subprocess.run(["tar", "--create", f"--file={unfinished}", *without], check=True)
            unfinished.rename(packed)
    made.run("podman", "import", "--change=CMD bash", packed, DEBIAN)


def put_database(made: Store) -> None:
    """Make the stand-in for PostgreSQL's image."""
    folder = made.folder / "database"
    folder.mkdir()
    (folder / "Containerfile").write_text(DATABASE)
    (folder / "start").write_text(DATABASE_START)
    made.build(POSTGRES, folder)
