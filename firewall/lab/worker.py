"""The process inside a phone's namespace that does what `Phone` asks: one JSON object a line.

Run as `python -m firewall.lab.worker TRUSTED.pem`; each request gets a thread, so that a download
goes on while the next question is asked; ends when its standard input closes.
The rule to keep: standard library only, and few imports, because fifty of these start at once.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from firewall.lab import worker_dhcp, worker_flows, worker_http, worker_sockets
from firewall.lab.worker_sockets import VerbError

if TYPE_CHECKING:
    from collections.abc import Callable

_output = threading.Lock()


def verbs(trusted: str) -> dict[str, Callable[..., dict[str, Any]]]:
    """Every verb, its arguments by name (see `Phone` for what they mean)."""
    flows = worker_flows.Flows()
    return {
        "http": worker_http.Client(trusted).request,
        "dhcp_join": worker_dhcp.join,
        "dhcp_renew": worker_dhcp.renew,
        "dhcp_init_reboot": worker_dhcp.init_reboot,
        "dhcpv6_information": worker_dhcp.information,
        "router_advertisement": worker_dhcp.router_advertisement,
        "ipv6_addresses": worker_dhcp.ipv6_addresses,
        "tcp_connect": worker_sockets.tcp_connect,
        "udp_probe": worker_sockets.udp_probe,
        "ping": worker_sockets.ping,
        "fire": worker_sockets.fire,
        "dns": worker_sockets.dns,
        "send_frames": worker_sockets.send_frames,
        "serve_echo": worker_sockets.serve_echo,
        "stream_start": flows.stream_start,
        "stream_report": flows.stream_report,
        "stream_stop": flows.stream_stop,
        "download_start": flows.download_start,
        "download_report": flows.download_report,
        "download_stop": flows.download_stop,
        "conversation_start": flows.conversation_start,
        "conversation_say": flows.conversation_say,
        "conversation_close": flows.conversation_close,
    }


def _serve(number: int, verb: Callable[..., dict[str, Any]], arguments: dict[str, Any]) -> None:
    try:
        answer = verb(**arguments)
    except (VerbError, OSError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    line = json.dumps({"id": number, **answer})
    with _output:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _crash(problem: threading.ExceptHookArgs) -> None:
    """A bug ends the worker, so that whoever waits hears of it at once."""
    sys.excepthook(problem.exc_type, problem.exc_value or problem.exc_type(), problem.exc_traceback)
    sys.stderr.flush()
    os._exit(1)


def main() -> None:
    """Serve requests until standard input closes."""
    threading.excepthook = _crash
    known = verbs(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        number, verb = request.pop("id"), known[request.pop("verb")]
        threading.Thread(target=_serve, args=(number, verb, request), daemon=True).start()


if __name__ == "__main__":
    main()
