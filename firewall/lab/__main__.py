"""`python -m firewall.lab up|down|sweep|status`: a lab by hand.

`up` keeps the lab until Ctrl-C or `down`; the gate is not part of it: start one in the gateway's
namespace, or use `--plain-nat` to let everybody out.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from firewall.lab.network import Lab, LabSettings
from firewall.lab.processes import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

DOWN_TIMEOUT_S = 20.0
POLL_S = 0.05


def main(words: Sequence[str]) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(words)
    try:
        if options.command == "up":
            return _up(options)
        if options.command == "down":
            return _down(options.id)
        if options.command == "sweep":
            _say(*(f"removed {lab}" for lab in Lab.sweep()))
            return 0
        _status()
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firewall.lab")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build a lab and keep it until Ctrl-C")
    up.add_argument("--phones", type=int, default=2)
    up.add_argument("--sites", type=int, default=1)
    up.add_argument("--plain-nat", action="store_true", help="let everybody out, without a gate")
    down = commands.add_parser("down", help="end a lab that `up` keeps")
    down.add_argument("id", nargs="?", help="needed when there are several")
    commands.add_parser("sweep", help="remove labs whose owner is dead")
    commands.add_parser("status", help="list the labs")
    return parser


def _up(options: argparse.Namespace) -> int:
    ended = threading.Event()
    with Lab(LabSettings(phones=options.phones, sites=options.sites)) as lab:
        if options.plain_nat:
            lab.open_plain_nat()
        for phone in lab.phones:
            lease = phone.join()
            _say(f"{phone.namespace.name}  {phone.mac}  {lease.address}")
        _say(f"{lab.gateway.name}  gateway", f"{lab.internet.namespace.name}  internet")
        _say("enter one of them with: ip netns exec NAME bash")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
    return 0


def _down(lab: str | None) -> int:
    alive = [state for state in Lab.running() if state.owner_pid and lab in {None, state.id}]
    if len(alive) != 1:
        raise LabError(f"{len(alive)} labs match; name one of: {' '.join(s.id for s in alive)}")
    os.kill(alive[0].owner_pid, signal.SIGTERM)
    give_up = time.monotonic() + DOWN_TIMEOUT_S
    while alive[0].id in {state.id for state in Lab.running()}:
        if time.monotonic() > give_up:
            raise LabError(f"lab {alive[0].id}: its owner {alive[0].owner_pid} does not end it")
        time.sleep(POLL_S)
    return 0


def _status() -> None:
    for state in Lab.running():
        owner = f"owner {state.owner_pid}" if state.owner_pid else "owner dead: sweep removes it"
        _say(f"{state.id}  {owner}  {' '.join(state.namespaces)}")


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
