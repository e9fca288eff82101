"""The lab's end of a phone's worker: one process per phone, JSON lines, many requests at once."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from firewall.lab.processes import LabError, Namespace, stop

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

# Above every time-out that a verb takes by itself; reaching it means the worker hangs.
ANSWER_TIMEOUT_S = 60.0


class _Waiting:
    """One request under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer: dict[str, Any] = {"error": "the phone's worker ended"}


class WorkerClient:
    """Speaks to `python -m firewall.lab.worker` inside a namespace; safe for several threads."""

    def __init__(self, namespace: Namespace, trusted: pathlib.Path) -> None:
        self._namespace = namespace
        self._trusted = trusted
        self._process: subprocess.Popen[bytes] | None = None  # None as soon as it ends
        self._started: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the worker. It ends by itself when its standard input closes."""
        self._started = self._process = self._namespace.spawn(
            [sys.executable, "-m", "firewall.lab.worker", str(self._trusted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        reader.start()

    def ask(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The worker's answer. Raises LabError when it reports an error or does not answer."""
        number = next(self._numbers)
        waiting = _Waiting()
        line = json.dumps({"id": number, "verb": verb, **arguments}).encode() + b"\n"
        with self._lock:
            self._waiting[number] = waiting
            self._send(line)
        timeout_s = ANSWER_TIMEOUT_S + float(arguments.get("timeout_s") or 0)
        if not waiting.done.wait(timeout_s):
            raise LabError(f"{self._namespace.name}: {verb}: no answer in {timeout_s} s")
        if "error" in waiting.answer:
            raise LabError(f"{self._namespace.name}: {verb}: {waiting.answer['error']}")
        return waiting.answer

    def _send(self, line: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            raise LabError(f"{self._namespace.name}: the worker is not running")
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            raise LabError(f"{self._namespace.name}: the worker ended") from error

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        for line in process.stdout:
            answer = json.loads(line)
            waiting = self._waiting.pop(answer.pop("id"), None)
            if waiting is not None:
                waiting.answer = answer
                waiting.done.set()
        with self._lock:
            for waiting in self._waiting.values():
                waiting.done.set()
            if self._process is process:
                self._process = None

    def close(self) -> None:
        """End the worker and everything it has in the background."""
        with self._lock:
            started, self._started = self._started, None
        if started is not None:
            stop(started)
