"""Sockets and netlink handles made inside a lab's namespace, used from this process.

Not the lab. The rule to keep: only a thread made for one call ever changes namespace; a socket
belongs for life to the namespace it was made in (network_namespaces(7)), so all phones of a
benchmark are driven by one process, and one clock.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x4000_0000
_PR_SET_TIMERSLACK = 29
_T = TypeVar("_T")

_libc = ctypes.CDLL(None, use_errno=True)


def inside(namespace: str, make: Callable[[], _T]) -> _T:
    """Return what ``make`` returns in a thread of its own inside the namespace.

    Raises:
        OSError: the namespace cannot be entered, or ``make`` raised it.
    """
    made: list[_T] = []
    failed: list[OSError] = []

    def enter_and_make() -> None:
        try:
            _enter(namespace)
            made.append(make())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=enter_and_make, name=f"in {namespace}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def _enter(namespace: str) -> None:
    handle = os.open(Path("/run/netns") / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(handle, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"enter {namespace}")
    finally:
        os.close(handle)


def sleep_precisely() -> None:
    """Let this thread's sleeps end within 1 us, not the usual 50 (prctl(2), PR_SET_TIMERSLACK)."""
    _libc.prctl(_PR_SET_TIMERSLACK, 1_000, 0, 0, 0)
