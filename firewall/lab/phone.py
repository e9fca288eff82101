"""A phone: one namespace with a MAC address, and everything a test wants to do from inside it.

Not a model of any operating system: it does exactly what it is told, once, and reports what came
back (phone_answers.py); only a broken lab raises LabError.
All methods block and may be called from several threads; from asyncio use `asyncio.to_thread`.
"""

from __future__ import annotations

import base64
import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from firewall.lab import addressing
from firewall.lab.phone_answers import (
    Attempt,
    DnsAnswer,
    DownloadReport,
    HttpAnswer,
    Lease,
    StreamReport,
)
from firewall.lab.worker_client import WorkerClient

if TYPE_CHECKING:
    import pathlib
    import subprocess
    from collections.abc import Sequence

    from firewall.lab.processes import Namespace

ECHO_PORT = 7
DOWNLOAD_PORT = 9000


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """A UDP stream running in the background; `Phone.stream` makes it."""

    phone: Phone
    number: int

    def report(self) -> StreamReport:
        """How it stands now; the stream goes on."""
        return StreamReport(**_tuples(self.phone.ask("stream_report", number=self.number)))

    def stop(self) -> StreamReport:
        """Stop sending, wait up to 0.5 s for the last echoes, report."""
        return StreamReport(**_tuples(self.phone.ask("stream_stop", number=self.number)))


@dataclasses.dataclass(frozen=True, slots=True)
class Download:
    """A TCP download running in the background; `Phone.download` makes it."""

    phone: Phone
    number: int

    def report(self) -> DownloadReport:
        """How it stands now; the download goes on."""
        return DownloadReport(**self.phone.ask("download_report", number=self.number))

    def stop(self) -> DownloadReport:
        """Close the connection and report."""
        return DownloadReport(**self.phone.ask("download_stop", number=self.number))


_ASLEEP = f"""
table netdev asleep {{
  chain hears {{
    type filter hook ingress device "{addressing.PHONE_INTERFACE}" priority 0; policy drop;
  }}
  chain says {{
    type filter hook egress device "{addressing.PHONE_INTERFACE}" priority 0; policy drop;
  }}
}}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Conversation:
    """A TCP connection to an echo server that stays open; `Phone.converse` makes it."""

    phone: Phone
    number: int

    def say(self, *, timeout_s: float = 10.0) -> tuple[bool, str]:
        """Say one line: whether its echo came in time, and how the connection ended.

        The word is "" while it stands, else closed | reset | refused | timeout | unreachable.
        """
        answer = self.phone.ask("conversation_say", number=self.number, timeout_s=timeout_s)
        return bool(answer["answered"]), str(answer["ended"])

    def close(self) -> int:
        """Close it; return how many lines were said."""
        return int(self.phone.ask("conversation_close", number=self.number)["said"])


class Phone:
    """One phone. Made by `Lab.add_phone`, which also starts its worker and switches its link on."""

    def __init__(
        self, number: int, namespace: Namespace, mac: str, site: int, trusted: pathlib.Path
    ) -> None:
        self.number = number
        """1, 2, 3 … within the lab."""
        self.namespace = namespace
        self.mac = mac
        """Lower case, with colons."""
        self.site = site
        self.trusted = trusted
        """The PEM file with the lab's certificate authority, which the phone trusts."""
        self.lease: Lease | None = None
        self._worker = WorkerClient(namespace, trusted)

    def __repr__(self) -> str:
        return f"Phone({self.namespace.name}, {self.mac})"

    # --- the link -----------------------------------------------------------------------------

    def join(
        self, *, timeout_s: float = 10.0, ipv6: bool = False, ask_portal: bool = True
    ) -> Lease:
        """Get a lease by DISCOVER/REQUEST; set address, route and resolver.

        With `ipv6`, waits for a SLAAC address too. `ask_portal` False leaves option 114 out of the
        parameter request list. Raises LabError when nothing came in time.
        """
        lease = self._take_lease("dhcp_join", timeout_s, portal=ask_portal)
        if ipv6:
            self.ipv6_addresses(timeout_s=timeout_s)
        return lease

    def renew(self, *, timeout_s: float = 5.0) -> Lease:
        """RENEWING: ask the server that gave the lease, by unicast (RFC 2131, 4.4.5)."""
        return self._take_lease("dhcp_renew", timeout_s)

    def init_reboot(self, *, timeout_s: float = 5.0) -> Lease:
        """INIT-REBOOT: broadcast a REQUEST for the old address, as after wake-up (4.3.2)."""
        return self._take_lease("dhcp_init_reboot", timeout_s)

    def _take_lease(self, verb: str, timeout_s: float, **terms: Any) -> Lease:
        answer = self.ask(verb, timeout_s=timeout_s, **terms)
        options = {int(code): base64.b64decode(raw) for code, raw in answer.pop("options").items()}
        answer["dns"] = tuple(answer["dns"])
        self.lease = Lease(options=options, **answer)
        return self.lease

    def ipv6_addresses(self, *, timeout_s: float = 10.0) -> tuple[str, ...]:
        """The global addresses made by SLAAC, waiting until there is one. Raises LabError."""
        return tuple(self.ask("ipv6_addresses", timeout_s=timeout_s)["addresses"])

    def add_ipv6_address(self, address: str) -> None:
        """Give the phone one more IPv6 address, as temporary addresses do (RFC 8981)."""
        link = addressing.PHONE_INTERFACE
        self.namespace.ip([f"addr add {address}/64 dev {link} nodad"])

    def router_advertisement(self, *, timeout_s: float = 5.0) -> dict[int, list[bytes]]:
        """Solicit, and return the options of the first advertisement: type -> values.

        A value is what follows the type and length octets, padding included (RFC 4861, 4.6).
        """
        options: dict[int, list[bytes]] = {}
        for kind, value in self.ask("router_advertisement", timeout_s=timeout_s)["options"]:
            options.setdefault(int(kind), []).append(base64.b64decode(value))
        return options

    def dhcpv6_information(
        self, *, timeout_s: float = 5.0, ask_portal: bool = True
    ) -> dict[int, bytes]:
        """Send Information-Request asking for options 23 and 103; return the options received."""
        answer = self.ask("dhcpv6_information", timeout_s=timeout_s, portal=ask_portal)
        options = answer["options"]
        return {int(code): base64.b64decode(raw) for code, raw in options.items()}

    def set_mac(self, mac: str) -> None:
        """Come back as another device: new MAC, all addresses gone, no lease. `join` again."""
        link = addressing.PHONE_INTERFACE
        self.namespace.ip(
            [
                f"link set {link} down",
                f"addr flush dev {link}",
                f"link set {link} address {mac}",
                f"link set {link} up",
            ]
        )
        self.mac = mac
        self.lease = None

    def link_down(self) -> None:
        """Leave the wireless network. IPv4 addresses stay, the kernel drops the routes."""
        self.namespace.ip([f"link set {addressing.PHONE_INTERFACE} down"])

    def link_up(self) -> None:
        """Come back with the same MAC; the lease's route is set again, no DHCP is sent."""
        self.namespace.ip([f"link set {addressing.PHONE_INTERFACE} up"])
        if self.lease is not None:
            self.namespace.ip([f"route replace default via {self.lease.router}"])

    def fall_asleep(self) -> None:
        """Stay on the network but neither send nor hear one frame, ARP included, as in standby."""
        self.namespace.run(["nft", "-f", "-"], text=_ASLEEP)

    def wake_up(self) -> None:
        """End `fall_asleep`; nothing is sent by that alone."""
        self.namespace.run(["nft", "delete table netdev asleep"])

    def frames_sent(self) -> int:
        """How many frames left the phone since its link was made."""
        link = addressing.PHONE_INTERFACE
        shown = self.namespace.run(["cat", f"/sys/class/net/{link}/statistics/tx_packets"])
        return int(shown.stdout)

    def send_frame(self, *frames: bytes) -> None:
        """Put whole Ethernet frames on the air, whatever is in them."""
        self.ask("send_frames", frames=[_text(frame) for frame in frames])

    def serve_echo(self, port: int) -> None:
        """Echo TCP and UDP on a port of this phone, for another phone to try to reach."""
        self.ask("serve_echo", port=port)

    # --- asking the network -------------------------------------------------------------------

    def http(  # noqa: PLR0913 - an HTTP request has that many parts, and tests vary each
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        version: str = "1.1",
        body: bytes = b"",
        family: int | None = None,
        address: str | None = None,
        host: str | None = "",
        verify: bool = True,
        timeout_s: float = 10.0,
    ) -> HttpAnswer:
        """One raw request on a new connection; redirects are not followed.

        `family` 4 or 6 limits the address looked up; `address` skips the look-up. `host` replaces
        the Host header ("" = from the URL, None = leave it out). `version` "1.0" or "1.1".
        `verify` False accepts any certificate.
        """
        answer = self.ask(
            "http",
            url=url,
            method=method,
            headers=[list(pair) for pair in headers],
            version=version,
            body=_text(body),
            family=family,
            address=address,
            host=host,
            verify=verify,
            timeout_s=timeout_s,
        )
        answer["headers"] = tuple((key, value) for key, value in answer["headers"])
        answer["body"] = base64.b64decode(answer["body"])
        return HttpAnswer(**answer)

    def tcp_connect(
        self,
        host: str,
        port: int,
        *,
        payload: bytes = b"",
        family: int | None = None,
        timeout_s: float = 3.0,
    ) -> Attempt:
        """Connect; with `payload`, send it and read one answer (outcome answered, `data`)."""
        return self._attempt(
            "tcp_connect",
            host=host,
            port=port,
            payload=_text(payload),
            family=family,
            timeout_s=timeout_s,
        )

    def udp_probe(
        self,
        host: str,
        port: int,
        *,
        payload: bytes = b"probe",
        family: int | None = None,
        timeout_s: float = 1.0,
    ) -> Attempt:
        """Send one datagram and wait for an answer or an ICMP error."""
        return self._attempt(
            "udp_probe",
            host=host,
            port=port,
            payload=_text(payload),
            family=family,
            timeout_s=timeout_s,
        )

    def ping(self, host: str, *, family: int | None = None, timeout_s: float = 1.0) -> Attempt:
        """Send one ICMP or ICMPv6 echo request; outcome answered, unreachable or timeout."""
        return self._attempt("ping", host=host, family=family, timeout_s=timeout_s)

    def _attempt(self, verb: str, **arguments: Any) -> Attempt:
        answer = self.ask(verb, **arguments)
        answer["data"] = base64.b64decode(answer["data"])
        return Attempt(**answer)

    def fire(self, targets: Sequence[tuple[str, str, int]]) -> int:
        """Send one packet to each (protocol, address, port) and wait for nothing.

        Protocol is tcp (one SYN), udp or icmp; the address decides the family. Returns how many
        left without a local error. For "1,000 random probes of a stranger".
        """
        return int(self.ask("fire", targets=[list(target) for target in targets])["sent"])

    def dns(
        self,
        name: str,
        kind: str = "A",
        *,
        server: str | None = None,
        tcp: bool = False,
        timeout_s: float = 3.0,
    ) -> DnsAnswer:
        """Ask the resolver from DHCP, or `server`, one question; `kind` A, TXT, TYPE65."""
        answer = self.ask("dns", name=name, kind=kind, server=server, tcp=tcp, timeout_s=timeout_s)
        records = tuple((record, text) for record, text in answer["records"])
        return DnsAnswer(answer["rcode"], records)

    def stream(
        self,
        host: str,
        port: int = ECHO_PORT,
        *,
        interval_s: float = 0.002,
        family: int | None = None,
    ) -> Stream:
        """Start a numbered UDP stream to an echo server, one datagram every `interval_s`."""
        answer = self.ask(
            "stream_start", host=host, port=port, interval_s=interval_s, family=family
        )
        return Stream(self, answer["number"])

    def download(
        self, host: str, port: int = DOWNLOAD_PORT, *, family: int | None = None
    ) -> Download:
        """Start reading from the endless TCP stream, in the background."""
        answer = self.ask("download_start", host=host, port=port, family=family)
        return Download(self, answer["number"])

    def converse(
        self, host: str, port: int = ECHO_PORT, *, family: int | None = None
    ) -> Conversation:
        """Open a TCP connection to an echo server and keep it. Raises LabError when it fails."""
        answer = self.ask("conversation_start", host=host, port=port, family=family)
        return Conversation(self, answer["number"])

    # --- programs -----------------------------------------------------------------------------

    def run(
        self,
        command: Sequence[str],
        *,
        text: str | None = None,
        check: bool = True,
        timeout_s: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the phone, with the phone's resolver. Raises LabError if `check`."""
        return self.namespace.run(command, text=text, check=check, timeout_s=timeout_s)

    def spawn(self, command: Sequence[str], **pipes: Any) -> subprocess.Popen[bytes]:
        """Start a program as the phone; the caller ends it with `processes.stop`."""
        return self.namespace.spawn(command, **pipes)

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Have the worker do `verb` (see worker.py). Raises LabError with the worker's words."""
        return self._worker.ask(verb, arguments)

    def start(self) -> None:
        """Start the worker; `Lab` does this."""
        self._worker.start()

    def close(self) -> None:
        """End the worker and all it has in the background; `Lab` does this."""
        self._worker.close()


def run_in_phone(
    phone: Phone, module: str, arguments: Sequence[str] = (), *, timeout_s: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments…` as the phone, to its end; standard output is captured.

    This is how a browser is driven: the whole Playwright script runs inside the namespace, so the
    browser and its remote control share one loopback. `browser.opened_browser` is its way in.
    """
    return phone.run([sys.executable, "-m", module, *arguments], check=False, timeout_s=timeout_s)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _tuples(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in answer.items()}
