"""Every metric of Kvar: its name, its unit, its labels and what it says. Prometheus knows the rest.

Not the counting (services tell observers) and not the serving (portal/web/health.py). The rules to
keep: labels are sites, ways in, outcomes, reasons and our own fixed words, never a person, a device
or an address; a metric that a process cannot know is not there, rather than 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.domain.identity import SiteId
from portal.domain.session import Ground
from portal.domain.statistics import WAITING_BOUNDS_S
from portal.domain.verification import Verification
from portal.services.forwarding import Tally
from portal.services.outcomes import RefusalReason
from portal.services.ports.figures import Figures
from portal.services.ports.observing import Outcome, outcome_of

LIBRARY_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8)
"""A library system gets 5 s an answer, and a login 8 s in all."""


def make_registry(process: str, version: str) -> CollectorRegistry:
    """Return the registry of one process, with the process's own figures."""
    # a second series for each counter, which no query of ours asks for
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    built = Gauge(
        "kvar_build_info",
        "Which Kvar runs here; always 1.",
        ["process", "version"],
        registry=registry,
    )
    built.labels(process, version).set(1)
    return registry


class NeighbourMetrics:
    """Whether the neighbours of this process answer, as its /readyz sees it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "kvar_neighbour_up",
            "1: the neighbour (database, gate) answered this process at the scrape.",
            ["neighbour"],
            registry=registry,
        )

    def note(self, neighbour: str, *, is_up: bool) -> None:
        """Note whether it answered."""
        self._up.labels(neighbour).set(is_up)


class ArrivalMetrics:
    """What becomes of visitors whom access points send to the portal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._arrivals = Counter(
            "kvar_access_point_arrivals",
            "Visitors sent to the portal by what became of them: believed, failed (it refused the "
            "login before), or why they were not believed.",
            ["client", "outcome"],
            registry=registry,
        )

    def arrived(self, client: str, outcome: str) -> None:
        """Count one; ``client`` is its name in the configuration, "" for none of ours."""
        self._arrivals.labels(client, outcome).inc()


class SignInMetrics:
    """Implements services.ports.observing.SignInObserver."""

    def __init__(self, registry: CollectorRegistry, sites: Iterable[SiteId]) -> None:
        self._tries = Counter(
            "kvar_sign_ins",
            "Presses on 'log in' by what became of them; mistyped: nobody was asked.",
            ["site", "method", "outcome", "reason"],
            registry=registry,
        )
        self._waited = Histogram(
            "kvar_time_to_online_seconds",
            "From a device's first probe or page to the open gate.",
            ["site", "method"],
            buckets=WAITING_BOUNDS_S,
            registry=registry,
        )
        for site_id in sites:  # a counter that appears with its first count has no rate before
            self._tries.labels(site_id, Ground.CARD, Outcome.ADMITTED, "")

    def admitted(self, site_id: SiteId, ground: Ground, _access_point: str = "") -> None:
        """See services.ports.observing.SignInObserver."""
        self._tries.labels(site_id, ground, Outcome.ADMITTED, "").inc()

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, _access_point: str = ""
    ) -> None:
        """See services.ports.observing.SignInObserver."""
        self._tries.labels(site_id, method, outcome_of(reason), reason).inc()

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        """See services.ports.observing.SignInObserver."""
        self._waited.labels(site_id, ground).observe(waited.total_seconds())


class LibraryMetrics:
    """Implements services.ports.observing.LibraryObserver."""

    def __init__(self, registry: CollectorRegistry, is_open: Callable[[], bool]) -> None:
        self._checks = Counter(
            "kvar_library_checks",
            "Cards to be checked, by the library system's answer; not_asked: the breaker is open.",
            ["outcome"],
            registry=registry,
        )
        self._took = Histogram(
            "kvar_library_check_seconds",
            "How long the library system took, however it answered.",
            buckets=LIBRARY_BUCKETS_S,
            registry=registry,
        )
        breaker = Gauge(
            "kvar_library_breaker_open",
            "1: the library system does not answer, and guests are told so at once.",
            registry=registry,
        )
        breaker.set_function(is_open)

    def answered(self, outcome: Verification, took_s: float) -> None:
        """See services.ports.observing.LibraryObserver."""
        self._checks.labels(outcome).inc()
        self._took.observe(took_s)

    def not_asked(self) -> None:
        """See services.ports.observing.LibraryObserver."""
        self._checks.labels("not_asked").inc()


class KeeperMetrics:
    """Implements services.ports.observing.KeeperObserver."""

    def __init__(self, registry: CollectorRegistry, in_step: Callable[[], bool]) -> None:
        self._compared_at = Gauge(
            "kvar_keeper_comparison_timestamp_seconds",
            "When gate and database were last compared as a whole, and agreed; 0: not yet.",
            registry=registry,
        )
        self._mended = Counter(
            "kvar_keeper_mended",
            "Differences between gate and database that a comparison mended.",
            registry=registry,
        )
        self._resyncs = Counter(
            "kvar_keeper_resyncs",
            "New listening connections to the database; notifications may have been lost before.",
            registry=registry,
        )
        self._purged_at = Gauge(
            "kvar_keeper_purge_timestamp_seconds",
            "When everything due was last deleted; 0: not yet.",
            registry=registry,
        )
        self._purged = Counter(
            "kvar_keeper_purged_rows", "Rows deleted because they were due.", registry=registry
        )
        step = Gauge(
            "kvar_gate_in_step",
            "1: the gate lets in exactly those whom the database names.",
            registry=registry,
        )
        step.set_function(in_step)

    def compared(self, now: datetime, mended: int) -> None:
        """See services.ports.observing.KeeperObserver."""
        self._compared_at.set(now.timestamp())
        self._mended.inc(mended)

    def resynced(self) -> None:
        """See services.ports.observing.KeeperObserver."""
        self._resyncs.inc()

    def tidied(self, now: datetime, deleted: int) -> None:
        """See services.ports.observing.KeeperObserver."""
        self._purged_at.set(now.timestamp())
        self._purged.inc(deleted)


class GateMetrics(Collector):
    """What the gate said of itself last. It serves no web page: the keeper asks on its socket."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._health: Mapping[str, object] | None = None
        registry.register(self)

    def note(self, health: Mapping[str, object] | None) -> None:
        """Take the gate's answer to a ping; None: it gave none."""
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Yield what is known now; nothing while the gate is away."""
        health = self._health or {}
        said: Sequence[Metric] = (
            _gauge("kvar_gate_devices", "Devices that the gate lets through.", health, "devices"),
            _gauge("kvar_gate_devices_maximum", "As many as it could.", health, "devices_max"),
            _gauge(
                "kvar_gate_interfaces_missing",
                "Configured guest interfaces that do not exist.",
                health,
                "missing_interfaces",
            ),
            _gauge("kvar_gate_simulated", "1: nothing is enforced.", health, "simulated"),
        )
        healed = CounterMetricFamily(
            "kvar_gate_healed",
            "Foreign changes to our rules that the gate mended, since its start.",
        )
        if "healed" in health:
            healed.add_metric([], _number(health["healed"]))
        return (*said, healed)


def _gauge(name: str, text: str, health: Mapping[str, object], key: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text)
    if key in health:
        family.add_metric([], _number(health[key]))
    return family


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    return float(len(value)) if isinstance(value, list) else 0.0


class FigureMetrics:
    """How things stand in the database; a keeper of each node tells the same."""

    def __init__(self, registry: CollectorRegistry, sites: Sequence[SiteId]) -> None:
        self._sites = sites
        self._online = Gauge(
            "kvar_sessions_online",
            "Devices online now, by the site of login.",
            ["site"],
            registry=registry,
        )
        self._faults = Gauge(
            "kvar_fault_reports_open",
            "Fault reports that are not fixed.",
            ["site", "state"],
            registry=registry,
        )
        self._oldest = Gauge(
            "kvar_fault_report_oldest_timestamp_seconds",
            "When the oldest report that is not fixed was made.",
            ["site"],
            registry=registry,
        )
        self._alarms = Gauge(
            "kvar_alarms",
            "Alarms of the last hour, by site (empty: the whole installation) and kind.",
            ["site", "kind"],
            registry=registry,
        )

    def note(self, figures: Figures | None) -> None:
        """Take how things stand; None: nobody knows, and nothing is said."""
        for gauge in (self._online, self._faults, self._oldest, self._alarms):
            gauge.clear()
        if figures is None:
            return
        for site_id in self._sites:
            self._online.labels(site_id).set(figures.online.get(site_id, 0))
            faults = figures.faults.get(site_id)
            unseen, count = (faults.unseen, faults.count) if faults else (0, 0)
            self._faults.labels(site_id, "new").set(unseen)
            self._faults.labels(site_id, "seen").set(count - unseen)
            if faults is not None:
                self._oldest.labels(site_id).set(faults.oldest_at.timestamp())
        for (site_id, kind), count in figures.alarms.items():
            self._alarms.labels(site_id, kind).set(count)


class UplinkMetrics:
    """Whether the internet is there, as this process sees it."""

    def __init__(self, registry: CollectorRegistry, is_down: Callable[[], bool]) -> None:
        down = Gauge("kvar_uplink_down", "1: the internet cannot be reached.", registry=registry)
        down.set_function(is_down)


class PrintMetrics:
    """Slips that were sent to a thermal printer, and PDFs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sent = Counter(
            "kvar_prints",
            "Slips sent to a network printer, by what became of them.",
            ["site", "outcome"],
            registry=registry,
        )

    def printed(self, site_id: SiteId, outcome: str) -> None:
        """Count one: sent, not_made or not_taken."""
        self._sent.labels(site_id, outcome).inc()


class ForwardingMetrics(Collector):
    """What became of the events for the log collector; there only where there is one."""

    def __init__(self, registry: CollectorRegistry, tally: Tally) -> None:
        self._tally = tally
        self._waiting: int | None = None
        registry.register(self)

    def note(self, waiting: int | None) -> None:
        """Take how many wait; None: nobody knows."""
        self._waiting = waiting

    def collect(self) -> Iterable[Metric]:
        """Yield what is known now."""
        sent = CounterMetricFamily("kvar_syslog_sent", "Events that the log collector took.")
        sent.add_metric([], self._tally.sent)
        dropped = CounterMetricFamily(
            "kvar_syslog_dropped", "Events that waited too long, or too many, and were not sent."
        )
        dropped.add_metric([], self._tally.dropped)
        up = GaugeMetricFamily("kvar_syslog_up", "1: the log collector took what it was sent last.")
        if self._tally.is_up is not None:
            up.add_metric([], float(self._tally.is_up))
        waiting = GaugeMetricFamily(
            "kvar_syslog_waiting", "Events that wait for the log collector."
        )
        if self._waiting is not None:
            waiting.add_metric([], self._waiting)
        return (sent, dropped, up, waiting)


ClientCounts = Callable[[], Mapping[str, Mapping[str, int]]]
"""Counts by client (as configured) and by a fixed word for what became of a packet."""


class RadiusMetrics(Collector):
    """What the RADIUS server counted; ``read`` and ``strangers`` are asked at each scrape."""

    def __init__(
        self, registry: CollectorRegistry, read: ClientCounts, strangers: Callable[[], int]
    ) -> None:
        self._read = read
        self._strangers = strangers
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the counts as they stand."""
        packets = CounterMetricFamily(
            "kvar_radius_packets",
            "RADIUS packets by client and by what became of them.",
            labels=["client", "what"],
        )
        for client, counts in self._read().items():
            for what, count in counts.items():
                packets.add_metric([client, what], count)
        strangers = CounterMetricFamily(
            "kvar_radius_strangers", "Packets from addresses that are no client's."
        )
        strangers.add_metric([], self._strangers())
        return (packets, strangers)
