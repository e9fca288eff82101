"""Tells the service manager that a process is ready, and that its loop still turns (sd_notify(3)).

Not a library: the protocol is one datagram to the socket that systemd names in NOTIFY_SOCKET. The
rule to keep: a process without a service manager, or with one that does not listen, runs as well.
"""

import asyncio
import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1_000_000


def tell(message: str, environment: Mapping[str, str]) -> bool:
    """Send one message, such as ``READY=1``; False when there is nobody to tell."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        sender.sendto(message.encode(), address.replace("@", "\0", 1))
    except OSError:  # the manager's trouble is not ours: it will say so itself
        return False
    finally:
        sender.close()
    return True


def watchdog_interval_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return how often to say that the loop turns, half of what the manager allows; None: never.

    WATCHDOG_PID names another process when a parent left its environment behind.
    """
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / _MICROSECONDS / 2 if text.isdecimal() and int(text) > 0 else None


def tell_ready() -> None:
    """Say that the process does its work from now on."""
    tell("READY=1", _environment())


async def tell_alive() -> None:
    """Say now and then that the loop turns; returns at once where nobody wants to know."""
    interval_s = watchdog_interval_s(_environment(), os.getpid())
    while interval_s is not None:
        tell("WATCHDOG=1", _environment())
        await asyncio.sleep(interval_s)


def _environment() -> Mapping[str, str]:
    return os.environ  # noqa: TID251 - where the manager says how it wants to be told
