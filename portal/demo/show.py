"""``make demo``: the world, and where to look at it, until Ctrl-C.

Not a check (check.py): a person looks. With root, phone 1 of the lab is in the visitor's own
browser, by way of the lab's relay. Without root the gate is simulated, and it says so.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from firewall.lab.authority import Authority
from firewall.lab.processes import LabError, stop
from firewall.lab.relay import start_portal_relay
from portal.clock import utc_now
from portal.demo.configuration import HOST_NAME, LIBRARY_PORT, simulated_text
from portal.demo.world import LIBRARY_COMMAND, START_TIMEOUT_S, World, WorldSettings

GUEST_PORT = 8080

_CARDS = """
    card             PIN
    20000000000001   1234   in good standing
    20000000000002   2345   blocked
    20000000000003   3456   expired
"""


def run(write: Callable[[str], object] = print) -> int:
    """Show the demo until Ctrl-C; return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
    with World(WorldSettings(phones=2)) as world:
        if not world.has_own_users:
            write("other users cannot read this folder: every process of Kvar runs as root here")
        phone = world.phones[0]
        phone.join(ipv6=True)
        trusted = world.lab.authority.certificate_file
        relay = start_portal_relay(phone.namespace, world.portal_origin, trusted, port=GUEST_PORT)
        try:
            write(f"""
  Kvar is running.

  {relay.address}   one of the lab's phones, in your own browser
{_CARDS}
  {relay.address}/.lab/online   is that phone captive, or online?

  A second phone, from a shell:  ip netns exec {world.phones[1].namespace.name} bash
  The gate's rules:              ip netns exec {world.lab.gateway.name} nft list ruleset
  The log:                       {world.log_file}
  Break something:               kill -9 any of Kvar's processes; the phone stays online

  Ctrl-C ends everything and removes it.""")
            while True:
                signal.pause()
        finally:
            relay.close()


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
        write(f"\n  http://localhost:{GUEST_PORT}   the guest page\n{_CARDS}\n  Ctrl-C ends it.")
        while True:
            signal.pause()


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
