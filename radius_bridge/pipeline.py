"""What becomes of a request: a reply, silence and its reason, or a question for somebody else.

Neither sockets nor waiting: octets, the client and the time go in, values come out; UDP and
RADIUS/TLS both feed it (responder.py). Pure but for what it remembers and counts.
The rule to keep: nothing of a request is used before its authenticators were judged, and whatever
is wrong with it is answered with silence, so that nobody learns anything by trying.
Source: RFC 2865 section 3, RFC 2866 section 4, RFC 3579 sections 2.6.5 and 3.2, RFC 4372 section
2.1, RFC 5080 section 2.2.2, RFC 5997 section 4.2, RFC 6613 section 2.6.4;
draft-ietf-radext-deprecating-radius for the two settings against CVE-2024-3596.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import NamedTuple

from radius_bridge.access import (
    AccessQuestion,
    Decision,
    Grant,
    Refuse,
    Silence,
    ToPortal,
)
from radius_bridge.accounting import AccountingRecord
from radius_bridge.authenticators import PROXY_STATE, Verdict, judge_request, sign_reply
from radius_bridge.clients import Clients, FamilyName, RadiusClient
from radius_bridge.counters import Counters
from radius_bridge.credentials import NoPassword, eap_failure
from radius_bridge.duplicates import DuplicateCache, RequestKey, Work
from radius_bridge.reading import Unrecorded, read_question, read_record
from radius_bridge.status_brake import StatusBrake
from radius_bridge.vendors.family import Family
from radius_bridge.wire import (
    EAP_MESSAGE,
    VALUE_MAX_OCTETS,
    Attribute,
    Code,
    MalformedPacketError,
    Packet,
    Request,
    UnsendableError,
)

REJECT_DELAY_S = 1.0
"""What a wrong guess costs, at least (RFC 5080 section 2.2.2 has no number; FreeRADIUS: 1 s)."""
_REPLY_MESSAGE = 18


class Discard(StrEnum):
    """Why there is no answer."""

    TRUNCATED = "packet_truncated"
    LENGTH = "packet_length_wrong"
    ATTRIBUTE_LENGTH = "attribute_length_wrong"
    STRANGER = "unknown_client"
    CODE = "code_not_served"
    FORGED = "authenticator_wrong"
    UNPROVEN = "message_authenticator_missing"
    UNPROVEN_PROXY_STATE = "proxy_state_without_message_authenticator"
    IN_WORK = "repeated_while_in_work"
    TOO_OFTEN = "status_asked_too_often"
    INCOMPLETE = "accounting_incomplete"
    OVERLOAD = "overload"
    UNDECIDED = "undecided"
    NOT_WRITTEN = "accounting_not_written"
    TOO_LONG = "reply_too_long"
    NOT_SENT = "reply_not_sent"
    FAILED = "failed"

    @property
    def closes(self) -> bool:
        """Whether a connection that carried it is closed (RFC 6613 section 2.6.4)."""
        return self in _CLOSING

    @property
    def is_news(self) -> bool:
        """Whether somebody should look: it is neither repetition nor our own silence."""
        return self is not Discard.IN_WORK


_CLOSING = frozenset(
    {
        Discard.TRUNCATED,
        Discard.LENGTH,
        Discard.ATTRIBUTE_LENGTH,
        Discard.STRANGER,
        Discard.FORGED,
    }
)


class Service(Enum):
    """What is served where a request came in: the codes that are requests there."""

    AUTHENTICATION = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})
    ACCOUNTING = frozenset({Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})
    BOTH = frozenset({Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})
    """RADIUS/TLS has one port for all."""

    def __init__(self, codes: frozenset[int]) -> None:
        self.codes = codes


# To look a member up in its class takes as long as to compare two packets.
_ACCESS_REQUEST = Code.ACCESS_REQUEST
_ACCESS_REJECT = Code.ACCESS_REJECT
_ACCOUNTING_RESPONSE = Code.ACCOUNTING_RESPONSE
_STATUS_SERVER = Code.STATUS_SERVER
_ACCESS_ACCEPT = Code.ACCESS_ACCEPT
_GENUINE = Verdict.GENUINE
_NEW = Work.NEW


class Origin(NamedTuple):
    """Where a request came from and came in; `listener` names the socket or the connection."""

    address: str
    port: int
    listener: str
    service: Service


class Moment(NamedTuple):
    """The time by a clock that only goes forward, and the time of day, aware, in UTC."""

    monotonic_s: float
    utc: datetime


@dataclass(slots=True)
class AccessWork:
    """An Access-Request to be decided; `decision` is there already where nobody has to be asked."""

    key: RequestKey
    request: Packet = field(repr=False)
    question: AccessQuestion
    decision: Decision | None = None

    @property
    def client(self) -> RadiusClient:
        """Who asked."""
        return self.question.client


@dataclass(slots=True)
class AccountingWork:
    """An Accounting-Request to be written before it is acknowledged."""

    key: RequestKey
    request: Packet = field(repr=False)
    record: AccountingRecord

    @property
    def client(self) -> RadiusClient:
        """Who tells it."""
        return self.record.client


class Answer(NamedTuple):
    """The reply to an Access-Request, to be sent when the delay is over."""

    octets: bytes
    delay_s: float = 0.0


class Pipeline:
    """Takes requests as far as they go without asking anybody.

    Every work that `receive` returns ends in one of `sent` (its reply goes out now) and `abandon`
    (it gets none; its repetition is done anew).
    """

    def __init__(
        self,
        clients: Clients,
        families: Mapping[FamilyName, Family],
        *,
        counters: Counters | None = None,
        reject_delay_s: float = REJECT_DELAY_S,
    ) -> None:
        self.clients = clients
        self.counters = counters or Counters()
        self.can_account = True
        """False while accounting cannot be written: then status is not answered either, so that
        proxies turn to another server (RFC 5997 section 4.2)."""
        self._families = families
        self._reject_delay_s = reject_delay_s
        self._duplicates = DuplicateCache()
        self._status = StatusBrake()

    def find(self, address: str, now: Moment) -> RadiusClient | None:
        """Return the client at an address; a stranger is counted, and gets no answer.

        Raises:
            ValueError: the text is no address.
        """
        client = self.clients.at(address)
        if client is None:
            self.counters.count_stranger(address, now.utc)
        return client

    def receive(
        self, octets: bytes, client: RadiusClient, origin: Origin, now: Moment
    ) -> bytes | Discard | AccessWork | AccountingWork:
        """Take a request of this client; octets that are returned are the reply."""
        try:
            packet = Request(octets)
        except MalformedPacketError as problem:
            return self.discard(client, Discard(problem.fault.value))
        refused = self._judge(packet, client, origin.service)
        if refused is not None:
            return self.discard(client, refused)
        if packet.code == _STATUS_SERVER:
            return self._answer_status(packet, client, origin, now)
        return self._take(packet, client, origin, now)

    def _judge(self, packet: Packet, client: RadiusClient, service: Service) -> Discard | None:
        if packet.code not in service.codes:
            return Discard.CODE
        verdict = judge_request(packet, client.secret)
        if verdict is _GENUINE:
            return None
        refused = _refusal(packet, verdict, client)
        if refused is None:
            self.counters.count(client.name, "served_without_message_authenticator")
        return refused

    def _take(
        self, packet: Packet, client: RadiusClient, origin: Origin, now: Moment
    ) -> bytes | Discard | AccessWork | AccountingWork:
        address, port, listener, _ = origin
        key = RequestKey(address, port, listener, packet.code, packet.identifier)
        known = self._duplicates.begin(key, packet.authenticator, now.monotonic_s)
        if known is _NEW:
            return self._begin(key, packet, client, now)
        if isinstance(known, bytes):
            self.counters.count(client.name, "answered_again")
            return known
        return self.discard(client, Discard.IN_WORK)

    def answer(self, work: AccessWork, decision: Decision) -> Answer | Discard:
        """Turn a decision into a reply; after a Discard the work is abandoned already."""
        if isinstance(decision, Silence):
            return self.abandon(work, Discard.UNDECIDED)
        try:
            code, attributes, delay_s = self._speak(work, decision)
            reply = sign_reply(code, attributes, work.request, work.question.client.secret)
        except UnsendableError:
            return self.abandon(work, Discard.TOO_LONG)
        return Answer(reply, delay_s)

    def acknowledge(self, work: AccountingWork) -> bytes:
        """Return the Accounting-Response for a record that is durable."""
        return sign_reply(_ACCOUNTING_RESPONSE, (), work.request, work.client.secret)

    def sent(self, work: AccessWork | AccountingWork, reply: bytes) -> None:
        """Remember a reply that goes out now, for repetitions of its request."""
        self._duplicates.remember(work.key, work.request.authenticator, reply)
        self.counters.count(work.client.name, _SENT[reply[0]])

    def abandon(self, work: AccessWork | AccountingWork, why: Discard) -> Discard:
        """Forget a work that gets no reply."""
        self._duplicates.abandon(work.key, work.request.authenticator)
        return self.discard(work.client, why)

    def discard(self, client: RadiusClient, why: Discard) -> Discard:
        """Count what gets no reply."""
        self.counters.count(client.name, why)
        return why

    def _begin(
        self, key: RequestKey, packet: Packet, client: RadiusClient, now: Moment
    ) -> bytes | Discard | AccessWork | AccountingWork:
        if packet.code == _ACCESS_REQUEST:
            question = read_question(packet, client, key.client)
            decision = Refuse() if _is_refused(question, packet) else None
            return AccessWork(key, packet, question, decision)
        record = read_record(packet, client, key.client, now.utc)
        if isinstance(record, AccountingRecord):
            record = self._families[client.family].counted(record, packet)
            return AccountingWork(key, packet, record)
        if record is Unrecorded.INCOMPLETE:
            self._duplicates.abandon(key, packet.authenticator)
            return self.discard(client, Discard.INCOMPLETE)
        self.counters.count(client.name, record)
        reply = sign_reply(Code.ACCOUNTING_RESPONSE, (), packet, client.secret)
        self._duplicates.remember(key, packet.authenticator, reply)
        return reply

    def _answer_status(
        self, packet: Packet, client: RadiusClient, origin: Origin, now: Moment
    ) -> bytes | Discard:
        if not self._status.allows(origin.address, now.monotonic_s):
            return self.discard(client, Discard.TOO_OFTEN)
        is_accounting = origin.service is Service.ACCOUNTING
        if is_accounting and not self.can_account:
            return self.discard(client, Discard.NOT_WRITTEN)
        self.counters.count(client.name, "status")
        code = Code.ACCOUNTING_RESPONSE if is_accounting else Code.ACCESS_ACCEPT
        return sign_reply(code, (), packet, client.secret)

    def _speak(
        self, work: AccessWork, decision: Grant | ToPortal | Refuse
    ) -> tuple[Code, Sequence[Attribute], float]:
        question = work.question
        family = self._families[question.client.family]
        if isinstance(decision, Grant):
            is_plain = decision.cui is None and not question.asks_for_cui
            grant = decision if is_plain else _with_cui(decision, question)
            return _ACCESS_ACCEPT, family.grant(grant, question.station), 0.0
        if isinstance(decision, ToPortal):
            redirect = family.to_portal(decision, question.station)
            if redirect is not None:
                return _ACCESS_ACCEPT, redirect, 0.0
            # Nobody guessed anything: this Reject is what opens the portal, and people wait for it.
            return _ACCESS_REJECT, (), 0.0
        return _ACCESS_REJECT, _reasons(work.request, decision), self._reject_delay_s


_SENT: Mapping[int, str] = {
    Code.ACCESS_ACCEPT: "accepted",
    Code.ACCESS_REJECT: "rejected",
    Code.ACCOUNTING_RESPONSE: "accounted",
}


def _refusal(packet: Packet, verdict: Verdict, client: RadiusClient) -> Discard | None:
    """Say why a request that is not proved gets no answer; None where the client's exception holds.

    Proxy-State is what the attack on CVE-2024-3596 needs a place for in the reply.
    """
    if verdict is Verdict.FORGED:
        return Discard.FORGED
    if client.require_message_authenticator:
        return Discard.UNPROVEN
    if client.limit_proxy_state and packet.first(PROXY_STATE) is not None:
        return Discard.UNPROVEN_PROXY_STATE
    return None


def _is_refused(question: AccessQuestion, packet: Packet) -> bool:
    """EAP is not offered, and who logs in in two ways at once does in none."""
    if question.is_mac_authentication:
        return packet.first(EAP_MESSAGE) is not None
    credential = question.credential
    return credential is NoPassword.EAP or credential is NoPassword.CONTRADICTORY


def _with_cui(grant: Grant, question: AccessQuestion) -> Grant:
    """Give the client the name of the device's owner if it wants one.

    A client that asks must get one, or may treat the Accept as a Reject: where the policy has no
    name, the session's own stands for it. One that knows another is told the new one: a remembered
    device may have been let in before it was known whose it is, and stays in.
    """
    if not question.asks_for_cui:
        return grant if grant.cui is None else replace(grant, cui=None)
    return replace(grant, cui=grant.session) if grant.cui is None else grant


def _reasons(request: Packet, refusal: Refuse) -> Sequence[Attribute]:
    """EAP-Failure, beside which no message may stand (RFC 3579 section 2.6.5), or the message."""
    if request.first(EAP_MESSAGE) is not None:
        return eap_failure(request)
    if not refusal.message:
        return ()
    message = refusal.message.encode()[:VALUE_MAX_OCTETS].decode("utf-8", "ignore").encode()
    return (Attribute(_REPLY_MESSAGE, message),)
