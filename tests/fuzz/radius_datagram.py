"""A datagram's whole way through the RADIUS server but for the sockets: noise, and signed noise.

Signed noise is what a client could send that has the secret: everything behind the authenticators
is reached by it. Each case goes in as it came, and as the attributes of a request of every kind.
"""

from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import count, cycle

from radius_bridge.access import Bandwidth, Decision, Grant, Refuse, Silence, ToPortal
from radius_bridge.authenticators import judge_reply, sign_request
from radius_bridge.clients import Clients, FamilyName, RadiusClient
from radius_bridge.credentials import check
from radius_bridge.pipeline import (
    AccessWork,
    AccountingWork,
    Answer,
    Discard,
    Moment,
    Origin,
    Pipeline,
    Service,
)
from radius_bridge.secret import Secret
from radius_bridge.vendors.registry import family_of
from radius_bridge.wire import Attribute, Code, MalformedPacketError, Packet, decode

SECRET = Secret(b"a secret of sixteen or more")
ANYWHERE = (ip_network("0.0.0.0/0"),)
MORNING = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
DECISIONS: tuple[Decision, ...] = (
    Grant(b"session-1", 3600, cui=b"owner", bandwidth=Bandwidth(2_000_000, 8_000_000), vlan="120"),
    Grant(b"session-1", 60, idle_timeout_s=900, role="guests"),
    ToPortal("https://portal.test/?"),
    Refuse("Fel kod"),
    Silence(),
)
CODES = (Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER)
OWN_KINDS = {80}
"""Message-Authenticator is added when a packet is signed."""


class DatagramPath:
    """One pipeline with a strict and a lenient client of every family, for all cases."""

    def __init__(self) -> None:
        families = {name: family_of(name) for name in FamilyName}
        clients = [
            RadiusClient(
                f"{name}-{strict}",
                ANYWHERE,
                SECRET,
                family=name,
                require_message_authenticator=strict,
                limit_proxy_state=strict,
            )
            for name in FamilyName
            for strict in (True, False)
        ]
        self._pipeline = Pipeline(Clients(clients), families)
        self._clients, self._decisions, self._times = cycle(clients), cycle(DECISIONS), count()

    def take(self, data: bytes) -> None:
        """Take one case."""
        client = next(self._clients)
        now = Moment(next(self._times) / 50, MORNING)
        for octets in (data, *_signed(data)):
            for service in Service:
                origin = Origin("192.0.2.1", data[0] if data else 0, service.name, service)
                self._answer(octets, self._pipeline.receive(octets, client, origin, now))

    def _answer(
        self, octets: bytes, outcome: bytes | Discard | AccessWork | AccountingWork
    ) -> None:
        if isinstance(outcome, AccountingWork):
            outcome = self._send(outcome, self._pipeline.acknowledge(outcome))
        elif isinstance(outcome, AccessWork):
            check(outcome.question.credential, SECRET)
            decision = outcome.decision or next(self._decisions)
            answer = self._pipeline.answer(outcome, decision)
            is_answer = isinstance(answer, Answer)
            outcome = self._send(outcome, answer.octets) if is_answer else answer
        if isinstance(outcome, bytes):
            judge_reply(decode(outcome), decode(octets), SECRET)
        else:
            assert isinstance(outcome, Discard)

    def _send(self, work: AccessWork | AccountingWork, reply: bytes) -> bytes:
        self._pipeline.sent(work, reply)
        return reply


def _signed(data: bytes) -> list[bytes]:
    """The case as the attributes of a request, where it is at least that."""
    body = data[20:] if len(data) > 20 else data
    header = b"\1\7" + (20 + len(body)).to_bytes(4, "big")[2:] + bytes(16)
    try:
        found = decode(header + body).attributes
    except MalformedPacketError:
        found = (Attribute(26, body[:253]), Attribute(79, body[:253]))
    kept = tuple(one for one in found if one.kind not in OWN_KINDS)
    whole = sum(len(value) + 2 for _, value in kept) < 4000
    return [
        sign_request(Packet(code, 7, body[:16].ljust(16, b"\0"), kept), SECRET)
        for code in CODES
        if whole
    ]
