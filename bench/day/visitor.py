"""One visitor's device during the day: it does its steps, uses the internet, and looks around.

Not the judging (count.py). The rule to keep: what the device does by itself (it sleeps, leaves,
changes its link) is never taken for something that was done to it; so its flows are stopped before.
"""

from collections.abc import Callable
from contextlib import suppress

from bench.day.count import LOOKS_IN_A_ROW, PATIENCE_S, Broken, LoggedOut, Lost, Seen
from bench.day.product import Stage
from bench.day.scenario import Act, Device, Kind
from firewall.lab.internet import Internet
from firewall.lab.phone import Conversation, Phone, Stream
from firewall.lab.probes import APPLE_SUCCESS
from firewall.lab.processes import LabError

PROBE_HOST = "captive.apple.com"
PROBE_URL = f"http://{PROBE_HOST}/hotspot-detect.html"
SERVER = "www.example.com"
LOOK_TIMEOUT_S = 10.0
"""As long as Android waits for a probe; a machine that is busy with other things delays much."""
WORD_TIMEOUT_S = 2.0
TICK_S = 5.0
"""How often somebody who is awake looks at something."""
READERS_TICK_S = 25.0
STREAM_INTERVAL_S = {Kind.CALLER: 0.05}
DEFAULT_INTERVAL_S = 0.2
RETRY_S = 3.0
NEXT_TRY_S = 10.0
"""After a log-in that failed: ten minutes of the day. Who tries faster only keeps others out."""
LINK_PAUSE_S = 0.5
STAY_IN_PLACE = frozenset({Kind.READER, Kind.CALLER})
"""They never lose their link while a connection is open, so that they can have it over IPv6."""


class Visitor:
    """Lives through its day in a thread of its own; ``seen`` is what it saw."""

    def __init__(self, stage: Stage, device: Device, phone: Phone, *, tutored: bool) -> None:
        self.seen = Seen()
        self._stage = stage
        self._clock = stage.clock
        self._device = device
        self._phone = phone
        self._tutored = tutored
        self._awake = self._dozing = self._has_session = False
        self._stream: Stream | None = None
        self._stream_began_at = 0.0
        self._talk: Conversation | None = None
        self._heard_at = self._waiting_since = 0.0
        self._silent_looks = 0
        self._tick_s = READERS_TICK_S if device.kind is Kind.READER else TICK_S
        second = device.number // 2 % 2 == 1 and stage.product.ipv6
        self._family = 6 if second and device.kind in STAY_IN_PLACE else 4

    def live(self) -> Seen:
        """Do every step at its minute, and what an awake device does in between."""
        acts: dict[Act, Callable[[], None]] = {
            Act.ARRIVE: self._arrive,
            Act.SLEEP: self._sleep,
            Act.WAKE: self._wake,
            Act.RENEW: self._renew,
            Act.HOP: self._hop,
            Act.ROAM: self._roam,
            Act.ROTATE: self._rotate,
            Act.LEAVE: self._leave,
            Act.RETURN: self._return,
            Act.TUTOR_GOES: self._tutor_goes,
            Act.HOME: self._leave,
        }
        for step in self._device.steps:
            self._use_until(step.minute)
            acts[step.act]()
        return self.seen

    def _use_until(self, minute: float) -> None:
        end = minute * self._clock.minute_s
        while (left := end - self._clock.seconds) > 0:
            if self._awake and self._has_session:
                self._use()
                left = end - self._clock.seconds
            self._clock.pause(min(self._tick_s, max(0.0, left)) if self._awake else left)

    # --- steps ------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        self._phone.link_up()
        self._lease(self._join)
        self._log_in(tutored=self._tutored)
        self._awake = True

    def _sleep(self) -> None:
        """A laptop's lid takes its link away; a phone stays associated and answers nothing."""
        self._stop_stream()
        self._awake = False
        if self._device.kind is Kind.LAPTOP:
            self._phone.link_down()
        else:
            self._phone.fall_asleep()
            self._dozing = True

    def _wake(self) -> None:
        if self._device.kind is Kind.LAPTOP:
            self._phone.link_up()
            self._lease(self._phone.init_reboot)
        else:
            self._stop_dozing()
        self._awake = True

    def _stop_dozing(self) -> None:
        if self._dozing:
            self._phone.wake_up()
            self._dozing = False

    def _renew(self) -> None:
        """A dozing phone wakes for it, and only for it."""
        asleep = self._dozing
        self._stop_dozing()
        self._lease(self._phone.renew)
        if asleep:
            self._phone.fall_asleep()
            self._dozing = True

    def _hop(self) -> None:
        """To another access point of the same network: the link is gone for half a second."""
        self._stop_stream()
        self._phone.link_down()
        self._clock.pause(LINK_PAUSE_S)
        self._phone.link_up()
        self._come_back()

    def _roam(self) -> None:
        self._stop_flows()
        self._stage.product.roam(self._phone)
        self._lease(self._join)
        self._come_back()

    def _rotate(self) -> None:
        self._stop_flows()
        number = self._device.number
        self._phone.set_mac(f"02:4b:58:00:00:{number:02x}")
        self._lease(self._join)
        if self._first_look() != "":
            self.seen.new_addresses += 1
            self._log_in()

    def _leave(self) -> None:
        self._stop_dozing()
        self._stop_flows()
        self._awake = False
        self._phone.link_down()

    def _return(self) -> None:
        self._phone.link_up()
        self._lease(self._phone.init_reboot)
        self._awake = True
        self._come_back()

    def _tutor_goes(self) -> None:
        with suppress(LabError):  # a tutor who gets no answer now lets it be
            self._stage.product.end_tutoring(self._phone)

    def _come_back(self) -> None:
        seen = self._first_look()
        if seen:
            self._thrown_out(seen, returning=True)

    # --- the network ------------------------------------------------------------------------------

    def _join(self) -> object:
        return self._phone.join(ipv6=self._stage.product.ipv6)

    def _lease(self, take: Callable[[], object]) -> None:
        """Take a lease, as often as it takes; whoever is told no begins anew."""
        while True:
            try:
                take()
            except LabError as problem:
                self._tell(f"no lease yet: {problem}")
                take = self._join
                self._clock.pause(RETRY_S)
            else:
                return

    def _log_in(self, *, tutored: bool = False) -> None:
        """Until the internet answers; nobody gives up before going home."""
        product, began = self._stage.product, self._clock.seconds
        way = product.let_in_by_tutor if tutored else product.log_in
        told = ""
        while self._look() != "":
            if self._clock.minute > self._device.steps[-1].minute:
                self.seen.never_in += not self._has_session
                return
            problem = self._try(way)
            if problem:
                self._clock.pause(NEXT_TRY_S)
            if problem and not told:
                told = problem
                self._tell(f"not logged in: {problem}")
        self.seen.waits_s.append(self._clock.seconds - began)
        self._has_session = True

    def _try(self, way: Callable[[Phone, int], str]) -> str:
        """Return "" when the product took the log-in, else what was in the way."""
        try:
            return way(self._phone, self._device.person)
        except (LabError, AssertionError) as problem:
            return str(problem)[:60]

    def _first_look(self) -> str:
        """Return "" when it is online, else what it sees; silence is waited out for a while."""
        for _ in range(LOOKS_IN_A_ROW):
            seen = self._look()
            if seen == "" or seen.startswith("page"):
                break
            self._clock.pause(RETRY_S)
        return seen

    def _look(self) -> str:
        """Return "" for the genuine answer, ``page …`` for another, or why there is none."""
        self.seen.looks += 1
        answer = self._phone.http(
            PROBE_URL, address=Internet.address_of(PROBE_HOST), timeout_s=LOOK_TIMEOUT_S
        )
        if answer.status == 200 and answer.body == APPLE_SUCCESS.body:
            return ""
        return f"page {answer.status}" if answer.status else f"no answer: {answer.failure}"

    # --- using the internet -----------------------------------------------------------------------

    def _use(self) -> None:
        self._mind(self._look())
        self._speak()
        if self._stream is None and self._device.kind is not Kind.READER:
            self._start_stream()

    def _mind(self, seen: str) -> None:
        """A page is a log-out at once; silence only when it lasts (count.py)."""
        self._silent_looks = self._silent_looks + 1 if seen.startswith("no answer") else 0
        if seen.startswith("page") or self._silent_looks >= LOOKS_IN_A_ROW:
            self._silent_looks = 0
            self._thrown_out(seen, returning=False)

    def _thrown_out(self, seen: str, *, returning: bool) -> None:
        if not self._has_session:  # not let in before it left; it tries again
            self._log_in()
            return
        out = LoggedOut(self._device.number, self._clock.seconds, returning, seen)
        self.seen.logged_out.append(out)
        self._tell(f"{'asked again on return' if returning else 'logged out'}: {seen}")
        self._log_in()

    def _start_stream(self) -> None:
        interval_s = STREAM_INTERVAL_S.get(self._device.kind, DEFAULT_INTERVAL_S)
        self._stream_began_at = self._clock.seconds
        self._stream = self._phone.stream(
            Internet.address_of(SERVER, self._family), interval_s=interval_s
        )

    def _stop_stream(self) -> None:
        if self._stream is None:
            return
        report = self._stream.stop()
        self._stream = None
        self.seen.datagrams += report.sent
        interval_s = STREAM_INTERVAL_S.get(self._device.kind, DEFAULT_INTERVAL_S)
        numbers = report.lost_numbers or (0,)
        unnamed = (numbers[-1],) * (report.lost - len(report.lost_numbers))
        self.seen.lost += [
            Lost(self._device.number, self._stream_began_at + number * interval_s, interval_s)
            for number in (*report.lost_numbers, *unnamed)
        ]

    def _speak(self) -> None:
        """Say a word on the long connection; when it is gone, open another."""
        if self._talk is None:
            self._open_talk()
            return
        answered, ended = self._talk.say(timeout_s=WORD_TIMEOUT_S)
        now = self._clock.seconds
        if answered:
            self._heard_at = now
            self._waiting_since = 0.0
            return
        self._waiting_since = self._waiting_since or now
        if ended or now - self._waiting_since > PATIENCE_S:
            how = ended or "silent"
            self.seen.broken.append(Broken(self._device.number, self._heard_at, now, how))
            self._tell(f"connection {how}, last heard {now - self._heard_at:.0f} s ago")
            self._close_talk()

    def _open_talk(self) -> None:
        with suppress(LabError):  # not reachable now: the look says why
            self._talk = self._phone.converse(Internet.address_of(SERVER, self._family))
            self._heard_at, self._waiting_since = self._clock.seconds, 0.0
            self.seen.connections += 1

    def _close_talk(self) -> None:
        if self._talk is not None:
            self._talk.close()
            self._talk = None

    def _stop_flows(self) -> None:
        self._stop_stream()
        self._close_talk()

    def _tell(self, text: str) -> None:
        self._stage.tell(f"{self._device.kind.value} {self._device.number}: {text}")
