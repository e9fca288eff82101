"""The table of the RADIUS benchmark: which trials there are, and which stands beside which."""

from collections.abc import Iterator

from bench.radius_freeradius import ACCOUNTING, FILES, SQL, TUNED
from bench.radius_load import Measured
from bench.radius_trials import Contest, Trial
from bench.rows import Row, median

GOAL_LOGIN, GOAL_ACCOUNTING = 3.0, 5.0
"""Times FreeRADIUS with its database."""
GOAL_FLOOR = 0.35
"""Of a bare echo, for an answer from memory with everything on."""
GOAL_P99_MS = 20.0
"""At half of the highest rate."""

WORKERS = 2
"""One a core of the machine that the figures in docs/performance.md are of."""

MANY, SOME, ONE = 64, 16, 1
"""Requests on their way at once."""

CEILING = Trial("ceiling", "mac", MANY)
FLOOR = Trial("echo", "mac", MANY)
MAC = Trial("kvar", "mac", MANY)
MAC_SOME = Trial("kvar", "mac", SOME)
MAC_ONE = Trial("kvar", "mac", ONE)
ROAMING = Trial("kvar", "roaming", MANY)
TOKEN = Trial("kvar", "token", MANY)
WRITTEN = Trial("kvar accounting", "accounting", MANY)
WRITTEN_SOME = Trial("kvar accounting", "accounting", SOME)
MAC_WORKERS = Trial("kvar workers", "mac", MANY)
TOKEN_WORKERS = Trial("kvar workers", "token", MANY)
WRITTEN_WORKERS = Trial("kvar workers accounting", "accounting", MANY)
WRITTEN_WORKERS_SOME = Trial("kvar workers accounting", "accounting", SOME)
PEER = Trial(SQL.name, "mac", MANY)
PEER_SOME = Trial(SQL.name, "mac", SOME)
PEER_ONE = Trial(SQL.name, "mac", ONE)
PEER_TUNED = Trial(TUNED.name, "mac", MANY)
PEER_FILES = Trial(FILES.name, "mac", MANY)
PEER_CHAP = Trial(FILES.name, "chap", MANY)
PEER_WRITTEN = Trial(ACCOUNTING.name, "accounting", MANY)
PEER_WRITTEN_SOME = Trial(ACCOUNTING.name, "accounting", SOME)

TRIALS = (
    CEILING, FLOOR, MAC, PEER, MAC_WORKERS, MAC_SOME, PEER_SOME, PEER_TUNED, PEER_FILES, MAC_ONE,
    PEER_ONE, PEER_CHAP, ROAMING, TOKEN, TOKEN_WORKERS, WRITTEN, PEER_WRITTEN, WRITTEN_WORKERS,
    WRITTEN_SOME, PEER_WRITTEN_SOME, WRITTEN_WORKERS_SOME,
)  # fmt: skip

_NAMES = {
    SQL.name: "FreeRADIUS + SQL",
    TUNED.name: "FreeRADIUS + SQL, no groups",
    FILES.name: "FreeRADIUS, users in a file",
    ACCOUNTING.name: "FreeRADIUS + SQL",
}


def rates(contest: Contest) -> Iterator[Row]:
    """Answers a second, and how long one takes, in closed loops."""
    done, mac, written = contest.outcomes, "MAC authentication", "accounting, after commit"
    goal = f">= {GOAL_FLOOR:.0%} of the floor"
    rate, floor = done[MAC].rate, done[FLOOR].rate
    runs = len(done[MAC].runs)
    holds = rate >= GOAL_FLOOR * floor
    yield Row(
        f"{mac} from memory, {MANY} at once",
        rate,
        "/s",
        floor,
        goal=goal,
        holds=holds,
        runs=runs,
    )
    yield _rate(contest, mac, MAC, PEER, GOAL_LOGIN)
    yield _rate(contest, mac, MAC, PEER_TUNED, GOAL_LOGIN)
    yield _rate(contest, mac, MAC_SOME, PEER_SOME, GOAL_LOGIN)
    yield _rate(contest, mac, MAC, PEER_FILES)
    yield _rate(contest, f"{mac}, always at another access point", ROAMING, PEER)
    yield _rate(contest, "PAP with a login token", TOKEN, PEER, GOAL_LOGIN)
    yield _rate(contest, written, WRITTEN, PEER_WRITTEN, GOAL_ACCOUNTING)
    yield _rate(contest, written, WRITTEN_SOME, PEER_WRITTEN_SOME, GOAL_ACCOUNTING)
    workers = f"{WORKERS} workers"
    yield _rate(contest, f"{mac}, {workers}", MAC_WORKERS, PEER, GOAL_LOGIN)
    yield _rate(contest, f"PAP with a login token, {workers}", TOKEN_WORKERS, PEER, GOAL_LOGIN)
    name = f"{written}, {workers}"
    yield _rate(contest, name, WRITTEN_WORKERS, PEER_WRITTEN, GOAL_ACCOUNTING)
    yield _rate(contest, name, WRITTEN_WORKERS_SOME, PEER_WRITTEN_SOME, GOAL_ACCOUNTING)
    chap = done[PEER_CHAP]
    yield Row("FreeRADIUS, users in a file, CHAP", chap.rate, "/s", runs=len(chap.runs))
    yield _latency(contest, mac, MAC_ONE, PEER_ONE, 50)
    yield _latency(contest, mac, MAC, PEER, 99)
    yield _latency(contest, written, WRITTEN, PEER_WRITTEN, 99)


def _rate(contest: Contest, what: str, ours: Trial, peer: Trial, goal: float | None = None) -> Row:
    value, other = contest.outcomes[ours].rate, contest.outcomes[peer].rate
    return Row(
        f"{what}, {ours.outstanding} at once",
        value,
        "/s",
        peer_name=_NAMES[peer.server],
        peer_value=other,
        goal="" if goal is None else f">= {goal:.0f} x",
        holds=None if goal is None else value >= goal * other,
        runs=len(contest.outcomes[ours].runs),
    )


def _latency(contest: Contest, what: str, ours: Trial, peer: Trial, percent: int) -> Row:
    value, other = contest.outcomes[ours], contest.outcomes[peer]
    is_median = percent == 50
    return Row(
        f"{what}, {ours.outstanding} at once, p{percent}",
        value.p50_ms if is_median else value.p99_ms,
        "ms",
        peer_name=_NAMES[peer.server],
        peer_value=other.p50_ms if is_median else other.p99_ms,
        runs=len(value.runs),
    )


def half_row(what: str, measured: Measured, rate: float) -> Row:
    """Return the 99th percentile at half of the highest rate; a lost request misses the goal."""
    holds = measured.is_clean and measured.p99_ms < GOAL_P99_MS
    name = f"{what} at half of the highest rate, {rate:,.0f}/s, p99"
    return Row(name, measured.p99_ms, "ms", goal=f"< {GOAL_P99_MS:.0f} ms", holds=holds)


def kept_row(server: str, kept: int, contest: Contest) -> Row:
    """Return how many of the sessions that were acknowledged are kept: all, each once."""
    ours = {WRITTEN.server, WRITTEN_WORKERS.server}  # on one database
    servers = ours if server in ours else {server}
    begun = sum(
        done.sessions for trial, done in contest.outcomes.items() if trial.server in servers
    )
    who = "Kvar" if server in ours else "FreeRADIUS"
    name = f"{who}: sessions kept of {begun:,} acknowledged"
    return Row(name, kept, "sessions", goal=f"{begun}", holds=kept == begun)


def machine(contest: Contest) -> Iterator[Row]:
    """What else there is to know: the generator's own limits, and who else used the machine."""
    done = contest.outcomes
    faster = done[CEILING].rate > done[FLOOR].rate
    yield Row("the generator against its own echo", done[CEILING].rate, "/s", done[FLOOR].rate,
              goal="> the floor", holds=faster)  # fmt: skip
    share = done[MAC].generator_percent
    yield Row("the generator's own CPU beside Kvar", share, "% of a core")
    unclean = [(trial, outcome) for trial, outcome in done.items() if not outcome.is_clean]
    yield Row("trials with a lost or wrong answer", len(unclean), "trials", goal="0",
              holds=not unclean)  # fmt: skip
    for trial, outcome in unclean:
        who = _NAMES.get(trial.server, trial.server)
        yield Row(f"{who}, {trial.load}, {trial.outstanding} at once: {outcome.faults}", 0, "")
    others = contest.others_percent
    yield Row("CPU of other programs, median", median(others), "% of a core")
    yield Row("CPU of other programs, at most", max(others), "% of a core")
