"""A clean Debian in a folder, with a systemd of its own, in place of the lab's gateway.

Not a fixture: `built()` makes the package there, `debian()` a folder with it, `booted()` runs that.
Debian's own packages are kept below /var/cache/kvar-test, so that they are downloaded once.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

CACHE = Path("/var/cache/kvar-test")
SUITES = ("bookworm", "trixie")
"""The releases that the package is made for: Python 3.11 and PostgreSQL 15; 3.13 and 17."""

BOOT_TIMEOUT_S = 120.0

FURNITURE = (
    *("postgresql", "dnsmasq-base", "nftables", "iproute2", "curl", "ca-certificates", "adduser"),
    *("python3", "libnftables1", "libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
)
"""What the package depends on and recommends: it is installed before, from the cache afterwards."""

BUILDING = ("make", "python3-venv")
"""What a clean machine needs before `make deb` (docs/installation.md)."""

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSED_ON = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "HTTPS_PROXY", "https_proxy")
"""Where this machine has its Python packages from, in the environment."""

NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit")
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


@contextmanager
def built(suite: str) -> Iterator[tuple[Path, Path]]:
    """A clean Debian with this checkout in /build, and the package that `make deb` made there."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listed, check=True, capture_output=True).stdout
    with _copy(_furnished(suite)) as root:
        apt(root, "install", *BUILDING)
        (root / "build").mkdir()
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-", "--ignore-failed-read"],
            input=files, check=True, capture_output=True,
        )  # fmt: skip
        unpack = ["tar", "--extract", "--no-same-owner", f"--directory={root}/build"]
        subprocess.run(unpack, input=packed.stdout, check=True)
        certificates = "/srv/authorities.pem"
        trusted = (
            f"--bind-ro={AUTHORITIES}:{certificates}",
            *(f"--setenv={name}={certificates}" for name in ("PIP_CERT", "SSL_CERT_FILE")),
        )
        source = [f"--setenv={name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
        enter(root, *trusted, *source, "--chdir=/build", "make", "deb")
        (package,) = (root / "build/dist").glob("kvar_*.deb")
        yield root, package


@contextmanager
def debian(package: Path, suite: str) -> Iterator[Path]:
    """A root file system in which the package was just installed by apt."""
    with _copy(_furnished(suite)) as root:
        shutil.copy(package, root / "root/kvar.deb")
        apt(root, "install", "/root/kvar.deb")
        yield root


@contextmanager
def _copy(furnished: Path) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="kvar-root-", dir="/var/tmp"))
    try:
        subprocess.run(["cp", "--archive", "--reflink=auto", f"{furnished}/.", root], check=True)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _furnished(suite: str) -> Path:
    bare, furnished = CACHE / suite, CACHE / f"{suite}-furnished"
    if furnished.exists():
        return furnished
    unfinished = CACHE / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (bare / "usr/bin/apt-get").exists():
        included = "--include=systemd,systemd-sysv,dbus,ca-certificates"
        command = ["debootstrap", "--variant=minbase", included, suite, unfinished]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        unfinished.rename(bare)
    subprocess.run(["cp", "--archive", "--reflink=auto", bare, unfinished], check=True)
    apt(unfinished, "update")
    apt(unfinished, "install", *FURNITURE)
    unfinished.rename(furnished)
    return furnished


def apt(root: Path, *words: str) -> str:
    """Run apt-get in the root, which is not running; return all that it told."""
    quiet = ("--yes", "--quiet=2", "--no-install-recommends")
    return enter(root, "--setenv=DEBIAN_FRONTEND=noninteractive", "apt-get", *quiet, *words)


def enter(root: Path, *words: str) -> str:
    """Run a command, with nspawn's own options before it, in a root that is not running."""
    done = subprocess.run(
        [*NSPAWN, "--pipe", f"--directory={root}", "--resolv-conf=copy-host", *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@dataclass(frozen=True)
class Machine:
    """The running root. ``leader`` is its init's number here."""

    root: Path
    leader: int

    def run(self, *words: str, typed: str = "", check: bool = True) -> str:
        """Run a command inside; return what it told on standard output."""
        enter = ("nsenter", f"--target={self.leader}", "--all", "--root", "--wd=/")
        done = subprocess.run(
            [*enter, "env", "--ignore-environment", PATH, "LANG=C.UTF-8", "setsid", "--wait",
             "sh", "-c", 'cd / && exec "$@"', "sh", *words],
            input=typed, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def wait_until(self, *words: str) -> None:
        """Wait until a command succeeds."""
        deadline = monotonic() + BOOT_TIMEOUT_S
        while True:
            try:
                self.run(*words)
            except AssertionError:
                if monotonic() > deadline:
                    raise
                sleep(0.5)
            else:
                return


@contextmanager
def booted(root: Path, namespace: str) -> Iterator[Machine]:
    """Boot the root with the network of a namespace; its init ends with the context."""
    command = [*NSPAWN, "--boot", f"--directory={root}", "--resolv-conf=off"]
    network = f"--network-namespace-path=/run/netns/{namespace}"
    capabilities = "--capability=CAP_NET_ADMIN,CAP_NET_RAW"
    log = root.with_suffix(".log")
    # As on a machine: the kernel's settings of that network can be written (kvar-closed does).
    writable = {**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
    with log.open("wb") as told:
        nspawn = subprocess.Popen(
            [*command, network, capabilities], stdin=subprocess.DEVNULL, stdout=told, stderr=told,
            env=writable,
        )  # fmt: skip
        try:
            machine = Machine(root, _leader(nspawn.pid))
            machine.wait_until("systemctl", "is-system-running", "--wait")
            yield machine
        finally:
            _stop(nspawn)
            log.unlink()


def _leader(nspawn: int) -> int:
    children = Path(f"/proc/{nspawn}/task/{nspawn}/children")
    deadline = monotonic() + BOOT_TIMEOUT_S
    while monotonic() < deadline:
        for child in children.read_text().split():
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
                if words[0].endswith(("/init", "systemd/systemd")):
                    return int(child)
        sleep(0.1)
    raise AssertionError("systemd-nspawn started no init")


def _stop(nspawn: "subprocess.Popen[bytes]") -> None:
    nspawn.send_signal(signal.SIGTERM)  # asks its init to power off
    try:
        nspawn.wait(60)
    except subprocess.TimeoutExpired:
        nspawn.kill()
        nspawn.wait()
