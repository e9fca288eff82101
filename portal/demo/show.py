"""``make demo``: the world, and where to look at it, until Ctrl-C.

Not a check (check.py): a person looks. With root, phone 1 of the lab is in the visitor's own
browser, by way of the lab's relay. Without root the gate is simulated, and it says so.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from firewall.lab.authority import Authority
from firewall.lab.processes import LabError, stop
from firewall.lab.relay import start_portal_relay, start_tcp_relay
from portal.clock import utc_now
from portal.demo.configuration import HOST_NAME, LIBRARY_PORT, STAFF_PORT, simulated_text
from portal.demo.world import LIBRARY_COMMAND, START_TIMEOUT_S, World, WorldSettings

GUEST_PORT = 8080
BRANCH_PORT = 8082

_CARDS = """
    card             PIN
    20000000000001   1234   in good standing
    20000000000002   2345   blocked
    20000000000003   3456   expired
"""

_ACCOUNTS = (("desk", ("desk", "site_manager")), ("it", ("it",)))
_DAY_MIN = 24 * 60


def run(write: Callable[[str], object] = print) -> int:
    """Show the demo until Ctrl-C; return the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job is born deaf to it
        signal.signal(number, signal.default_int_handler)
    try:
        return _with_lab(write) if os.geteuid() == 0 else _without_root(write)
    except KeyboardInterrupt:
        write("\nstopping …")
        return 0
    except LabError as problem:
        write(f"kvar: {problem}")
        return 1


def _with_lab(write: Callable[[str], object]) -> int:
    write("building the virtual guest network, the library system and Kvar …")
    with World(WorldSettings(phones=2, staff=True, branch=True)) as world, ExitStack() as stack:
        if not world.has_own_users:
            write("other users cannot read this folder: every process of Kvar runs as root here")
        phone = world.phones[0]
        phone.join(ipv6=True)
        trusted = world.lab.authority.certificate_file
        relay = start_portal_relay(phone.namespace, world.portal_origin, trusted, port=GUEST_PORT)
        stack.callback(relay.close)
        far = world.branch_phone
        far.link_up()
        far.join()
        branch = start_portal_relay(far.namespace, world.portal_origin, trusted, port=BRANCH_PORT)
        stack.callback(branch.close)
        inside = ("127.0.0.1", STAFF_PORT)
        staff = start_tcp_relay(world.lab.gateway, inside, port=STAFF_PORT)
        stack.callback(staff.close)
        accounts = [world.kvar(*command) for command in _account_commands()]
        write(f"""
  Kvar is running.

  {relay.address}   one of the lab's phones, in your own browser
{_CARDS}
  {relay.address}/.lab/online   is that phone captive, or online?

  {branch.address}/.lab/somewhere   a phone at a branch that has only an access point, which
                                         asks Kvar by RADIUS and leads strangers to the portal
  {branch.address}/.lab/online   is it held, or let in? What the access point tells:
                                         tail -f {world.access_point.log_file}

{_staff_text(accounts)}
  A second phone, from a shell:  ip netns exec {world.phones[1].namespace.name} bash
  The gate's rules:              ip netns exec {world.lab.gateway.name} nft list ruleset
  The log:                       {world.log_file}
  Break something:               kill -9 any of Kvar's processes; the phone stays online

  Ctrl-C ends everything and removes it.""")
        while True:
            signal.pause()


def _without_root(write: Callable[[str], object]) -> int:
    write("not root: the gate is SIMULATED, nobody is let through or kept out")
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="kvar-demo-"))
        directory = Path(name)
        certificate = Authority.create(directory, utc_now()).issue([HOST_NAME], utc_now())
        config = directory / "kvar.toml"
        config.write_text(simulated_text(directory, certificate, GUEST_PORT), encoding="utf-8")
        log_file = directory / "kvar.log"
        log = stack.enter_context(log_file.open("ab"))
        for command in (
            [*LIBRARY_COMMAND, "--port", str(LIBRARY_PORT)],
            [sys.executable, "-m", "portal", "--config", str(config), "run"],
        ):
            stack.callback(stop, subprocess.Popen(command, stdout=log, stderr=log))
        _wait_for(f"http://localhost:{GUEST_PORT}/", log_file)
        _wait_for(f"http://localhost:{STAFF_PORT}/healthz", log_file)
        kvar = [sys.executable, "-m", "portal", "--config", str(config)]
        accounts = [
            subprocess.run([*kvar, *command], stdout=PIPE, text=True, check=True).stdout
            for command in _account_commands()
        ]
        guests = f"http://localhost:{GUEST_PORT}   the guest page\n{_CARDS}"
        write(f"\n  {guests}\n{_staff_text(accounts)}\n  Ctrl-C ends it.")
        while True:
            signal.pause()


def _account_commands() -> Iterator[list[str]]:
    for name, roles in _ACCOUNTS:
        options = [word for role in roles for word in ("--role", role)]
        yield ["account", "create", name, *options, "--link-minutes", str(_DAY_MIN)]


def _staff_text(accounts: Sequence[str]) -> str:
    """Return the staff site's address, and the one-time links of its accounts."""
    lines = [f"    {line}" for told in accounts for line in told.strip().splitlines()]
    return "\n".join(
        (
            f"  http://localhost:{STAFF_PORT}   the staff site\n",
            *lines,
            "",
            "    The first sign-in asks for an app for one-time codes. None at hand? With its key:",
            f"    {sys.executable} -c 'import pyotp; print(pyotp.TOTP(input()).now())'",
            "",
        )
    )


def _wait_for(url: str, log: Path) -> None:
    deadline = monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - our own page on localhost
                return
        except (URLError, OSError) as problem:
            if monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise LabError(f"Kvar did not start:\n{tail}") from problem
        sleep(0.1)
