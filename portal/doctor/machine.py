"""Is the machine as Kvar needs it: files, disk, clock, kernel, and the privileges of processes?

The rule to keep: nothing is changed, and nothing that a secret says is ever told.
"""

import ctypes
import os
import pwd
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import BaseModel, SecretStr

from firewall.closing import missing_rules
from firewall.forwarding import FORWARD
from firewall.kernel import KernelError
from firewall.port_blocks import SHARED_PORTS
from portal import settings
from portal.backup.shelf import backups as shelf_of
from portal.config import Config
from portal.doctor.finding import Finding, failure, right, warning

DEFAULT_SECRETS = frozenset(
    {
        "change me",
        "changeme",
        "secret",
        "password",
        "testing123",
        "radius",
        "admin",
        "kvar",
        "hemligt",
    }
)
"""What examples and products come with (testing123: FreeRADIUS)."""

LITTLE_LEFT, NEXT_TO_NOTHING = 2**30, 2**27
"""Bytes free: a day of logs and sessions needs far less than the first."""

STALE = timedelta(hours=26)
"""Two hours more than a day: what is done nightly may take its time."""

_NET_ADMIN, _NET_RAW, _BIND = 1 << 12, 1 << 13, 1 << 10
_MAY = {
    "gate": _NET_ADMIN | _NET_RAW,
    "portal": _BIND,
    "staff": _BIND,
    "radius": _BIND,
    "keeper": 0,
}
"""Which capabilities a process may have (capability.h); the last two under kvar run only."""

_FOLDERS = ("keys", "spool", "admitted")
"""Of the data directory: what the processes write."""

_HOMES = ("/home", "/root", "/run/user")
"""What ProtectHome= hides (systemd.exec)."""

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""

_CLOCK_FIELDS = 26
"""struct timex of 64-bit Linux has 208 bytes: 26 longs; modes is the first, maxerror the fourth."""


def secrets(config: Config) -> list[Finding]:
    """Check that no secret is one of those that everybody knows."""
    found = [
        failure("secrets", f"{key} is a default", "make one of chance", "openssl rand -base64 24")
        for key, value in _secrets_in(config, "")
        if value.get_secret_value().lower() in DEFAULT_SECRETS
    ]
    return found or [right("secrets", "none is a default")]


def _secrets_in(value: object, key: str) -> Iterator[tuple[str, SecretStr]]:
    if isinstance(value, SecretStr):
        yield key.removeprefix("."), value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name), f"{key}.{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _secrets_in(one, f"{key}[{index}]")


def files(config: Config, config_file: Path) -> list[Finding]:
    """Check that what holds secrets is closed to others."""
    staff_key = None if config.staff is None else config.staff.private_key_file
    closed = (config_file, config.portal.private_key_file, staff_key)
    found = [_file(path) for path in closed if path is not None]
    keys = config.organisation.data_directory / "keys"
    found.append(_file(keys, stat.S_IRWXG | stat.S_IRWXO))
    if _are_the_processes(config):
        found += [_ours_to_write(config.organisation.data_directory / name) for name in _FOLDERS]
    wrong = [finding for finding in found if finding]
    return wrong or [right("files", "what holds secrets is closed to others, and open to us")]


def _are_the_processes(config: Config) -> bool:
    """Say whether we look with the eyes of the processes; somebody else's may see less."""
    return config.processes.user in {"", _user(os.geteuid())}


def _ours_to_write(folder: Path) -> Finding | None:
    """A folder that root has made, or put back, stops the processes."""
    if not folder.exists() or os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return None
    user = _user(os.geteuid())
    text = f"{folder} cannot be used by {user}"
    return failure("files", text, "make it that user's", f"chown -R {user} {folder}")


def _file(path: Path, others: int = stat.S_IRWXO) -> Finding | None:
    with suppress(OSError):  # a file that is not there is another check's finding
        if path.stat().st_mode & others:
            mode = "700" if path.is_dir() else "640"
            text = f"{path} is open to others"
            return failure("files", text, "close it", f"chmod {mode} {path}")
    return None


def disk(config: Config) -> list[Finding]:
    """Check that there is room, for our own files and for a PostgreSQL on this machine."""
    places = {config.organisation.data_directory, Path("/var/lib/postgresql")}
    return [_room(place) for place in sorted(places) if place.exists()]


def _room(place: Path) -> Finding:
    usage = shutil.disk_usage(place)
    text = f"{place} has {usage.free / 2**30:.1f} GiB left of {usage.total / 2**30:.1f}"
    if usage.free >= LITTLE_LEFT:
        return right("disk", text)
    found = failure if usage.free < NEXT_TO_NOTHING else warning
    return found(
        "disk", text, "make room; this shows what is large", f"du -xh --max-depth=2 {place}"
    )


def backups(config: Config, now: datetime) -> list[Finding]:
    """Check that the newest backup is of last night."""
    shelf, command = config.backup.directory, "systemctl start kvar-backup"
    wrong = _cannot_be_written(shelf, config.organisation.data_directory)
    if wrong and _are_the_processes(config):
        return [wrong]
    try:
        newest = max((kept.made_at for kept in shelf_of(shelf)), default=None)
    except PermissionError:
        return [
            warning("backup", f"{shelf} is closed to us", "ask again as root", "sudo kvar doctor")
        ]
    except OSError:
        newest = None
    if newest is None:
        return [warning("backup", f"there is none in {shelf}", "make the first", command)]
    age = now - newest
    text = f"the newest in {shelf} is {age.total_seconds() / 3600:.0f} h old"
    if age <= STALE:
        return [right("backup", text)]
    return [failure("backup", text, "look why, and make one", command)]


def _cannot_be_written(shelf: Path, data: Path) -> Finding | None:
    """Say why the nightly service cannot write there, as the user that we are.

    A mount that is read-only is left to the backup's age: a service of ours sees all so.
    """
    hidden = [home for home in _HOMES if shelf.is_relative_to(home)]
    if hidden and not data.is_relative_to(hidden[0]):  # else it is not the package's service
        text = f"the nightly service sees nothing of {hidden[0]}, so not {shelf}"
        return failure("backup", text, "name another folder in [backup] directory")
    user = _user(os.geteuid())
    command = f"install -d -o {user} -m 0700 {shelf}"
    try:
        place = next(path for path in (shelf, *shelf.parents) if path.exists())
        may = partial(os.access, place, effective_ids=True)
        is_read_only = bool(os.statvfs(place).f_flag & os.ST_RDONLY)
        is_closed = not may(os.R_OK | os.X_OK) or not (may(os.W_OK) or is_read_only)
    except OSError:
        is_closed = True
    if is_closed:
        text = f"{shelf} cannot be written by {user}"
        return failure("backup", text, "make it that user's", command)
    return None


def clock() -> list[Finding]:
    """Check that something keeps the clock right: opening hours and certificates hang on it."""
    words = (ctypes.c_long * _CLOCK_FIELDS)()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(words))
    if state in {-1, _TIME_ERROR}:
        way_out = "let a time service keep it"
        command = "apt install chrony"
        return [warning("clock", "nothing keeps it right", way_out, command)]
    return [right("clock", f"is kept right, within {words[3] / 1000:.0f} ms")]


def kernel(config: Config, proc: Path = Path("/proc/sys/net")) -> list[Finding]:
    """Check the settings that a gateway needs, and that guest networks are closed in routing."""
    wanted = dict.fromkeys(FORWARD, "1") | {"ipv4/conf/all/rp_filter": "0"}
    own = {f"ipv4/conf/{name}/rp_filter": "0" for name in config.gate.uplink_interfaces}
    found = [_setting(proc, name, value, "kvar close --forward") for name, value in wanted.items()]
    found += [_setting(proc, name, value) for name, value in own.items()]
    findings = [finding for finding in found if finding]
    findings += _own_ports(config, proc)
    interfaces = [name for site in config.sites for name in site.guest_interfaces]
    try:
        for rule in missing_rules(interfaces):
            text = f"{rule.interface} is not closed in routing"
            findings.append(failure("kernel", text, "close it", "kvar close"))
    except KernelError as problem:
        findings.append(warning("kernel", f"cannot be asked: {problem}", "look by hand", "ip rule"))
    return findings or [right("kernel", "forwards, and guest networks are closed in routing")]


def _own_ports(config: Config, proc: Path) -> list[Finding]:
    """Check that this machine's own connections take none of the ports that are a device's own."""
    if not any(site.privacy_level.keeps_addresses for site in config.sites):
        return []
    first, last = SHARED_PORTS.start, SHARED_PORTS.stop - 1
    words = (proc / "ipv4/ip_local_port_range").read_text("ascii").split()
    found = []
    if int(words[0]) < first:
        text = f"this machine uses ports from {words[0]} on, which are guests' (level 3)"
        command = _for_good("net.ipv4.ip_local_port_range", f"{first} {last}")
        found.append(warning("kernel", text, f"keep it to {first}-{last}", command))
    if not config.gate.public_addresses:
        text = "no complaint gets a certain answer while the public address is not known"
        way_out = "name it in [gate] public_addresses"
        found.append(warning("kernel", text, way_out))
    return found


def _for_good(key: str, value: str) -> str:
    """Return what sets it now, and at every start."""
    return f"echo '{key} = {value}' >>/etc/sysctl.d/90-kvar.conf; systemctl restart systemd-sysctl"


def _setting(proc: Path, name: str, value: str, command: str = "") -> Finding | None:
    try:
        found = (proc / name).read_text("ascii").strip()
    except OSError:
        return None  # no such interface, no such family
    if found == value:
        return None
    key = f"net.{name.replace('/', '.')}"
    text = f"{key} is {found}, not {value}"
    return failure("kernel", text, "set it", command or _for_good(key, value))


def processes(proc: Path = Path("/proc"), marks: Mapping[str, int] = _MAY) -> list[Finding]:
    """Check that each process of ours has the privileges that it needs, and no others."""
    found: list[Finding] = []
    for name, status in _ours(proc, marks):
        capabilities = int(status["CapEff"], 16) | int(status["CapPrm"], 16)
        user = _user(int(status["Uid"].split()[1]))
        if user == "root" or capabilities & ~marks[name]:
            text = f"{name} runs as {user} with capabilities {capabilities:#x}"
            way_out = "start it by its unit, or set [processes] user and gate_user"
            found.append(failure("processes", text, way_out, f"systemctl restart kvar-{name}"))
        else:
            found.append(right("processes", f"{name} runs as {user}"))
    return found or [
        warning("processes", "none runs here", "start them", "systemctl start kvar.target")
    ]


def _ours(proc: Path, marks: Mapping[str, int]) -> Iterator[tuple[str, dict[str, str]]]:
    for directory in proc.glob("[0-9]*"):
        with suppress(OSError, ValueError):
            words = (directory / "cmdline").read_text("utf-8", "replace").split("\0")
            if "portal" in words[:4] and "-m" in words[:4]:
                name = next(
                    (word for word in words[words.index("portal") + 1 :] if word in _NAMES), ""
                )
                if name in marks:
                    lines = (directory / "status").read_text("utf-8", "replace").splitlines()
                    yield name, dict(line.split(":\t", 1) for line in lines if ":\t" in line)


_NAMES = frozenset(_MAY)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def gateway(config: Config) -> bool:
    """Say whether this machine's kernel lets guests through."""
    return config.gate.enabled and settings.has_gate(config)
