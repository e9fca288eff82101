"""What ships for Prometheus and Grafana asks for nothing that Kvar does not tell."""

import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from portal import metrics
from radius_bridge.counters import Counters
from tests.portal.forwarding.collector import collecting, make_keys
from tests.portal.installation import PROCESSES, Installation, installed, names, samples

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
PROMTOOL = Path(__file__).parent / ".tools" / "promtool"

SYSLOG = """
[syslog]
host = "localhost"
port = {port}
kept_days = 90
ca_file = "{authority}"
"""

WORD = re.compile(r"\b(?:kvar|process)[_:][a-z0-9_:]+\b")


def promtool(*words: str, told: str = "") -> str:
    """Run promtool, and return what it says."""
    done = subprocess.run(
        [PROMTOOL, *words], cwd=RULES, input=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def radius_exposition() -> str:
    """What a RADIUS server's counters look like."""
    counters, registry = Counters(), CollectorRegistry()
    counters.count("aruba", "accepted")
    counters.count_stranger("192.0.2.7", datetime(2026, 11, 26, tzinfo=UTC))
    metrics.RadiusMetrics(registry, counters.clients, lambda: counters.from_strangers)
    return generate_latest(registry).decode()


@pytest.fixture
async def exposed(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What each running process tells."""
    keys = make_keys(tmp_path / "keys")
    async with collecting(keys) as collector:
        more = SYSLOG.format(port=collector.port, authority=keys.authority)
        async with installed(postgres_dsn, tmp_path, more) as kvar:
            yield await _told(kvar)


async def _told(kvar: Installation) -> dict[str, str]:
    told = {process: await kvar.metrics(process) for process in PROCESSES}
    return told | {"radius": radius_exposition()}


def queries(dashboard: Path) -> Iterator[str]:
    document = json.loads(dashboard.read_text())
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (variable.get("definition", "") for variable in document["templating"]["list"])


def rules() -> str:
    return (RULES / "kvar.rules.yml").read_text()


async def test_every_metric_that_is_asked_for_is_there(exposed: dict[str, str]) -> None:
    known = set().union(*map(names, exposed.values()))
    known |= set(re.findall(r"record: (\S+)", rules()))
    expressions = "\n".join(line for line in rules().splitlines() if "description:" not in line)
    for name, text in [
        ("rules", expressions),
        *((one.name, "\n".join(queries(one))) for one in DASHBOARDS),
    ]:
        wanted = set(WORD.findall(text))
        assert wanted
        assert wanted <= known, name


async def test_every_metric_is_looked_at_and_described(exposed: dict[str, str]) -> None:
    """A metric that no page shows, no rule asks and no table explains is one too many."""
    shown = "\n".join(query for one in DASHBOARDS for query in queries(one)) + rules()
    page = (ROOT / "docs" / "monitoring.md").read_text()
    ours = {
        name
        for told in exposed.values()
        for name in re.findall(r"^# TYPE (kvar_\S+)", told, re.MULTILINE)
    }
    assert {name for name in ours if name not in shown} == set()
    assert {name for name in ours if f"`{name}`" not in page} == set()


async def test_names_and_units_are_as_prometheus_wants_them(exposed: dict[str, str]) -> None:
    for told in exposed.values():
        promtool("check", "metrics", told=told)


def test_a_stranger_is_counted_and_not_named() -> None:
    told = samples(radius_exposition())
    assert told == {
        'kvar_radius_packets_total{client="aruba",what="accepted"}': 1,
        "kvar_radius_strangers_total": 1,
    }


def test_the_rules_can_be_loaded_with_the_sample() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


def test_the_rules_ring_when_they_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "kvar.rules.test.yml")


def test_every_alert_is_tried() -> None:
    tried = (RULES / "kvar.rules.test.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules())
    assert alerts
    assert [alert for alert in alerts if f"alertname: {alert}" not in tried] == []


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_names_its_source_once_and_overlaps_nowhere(dashboard: Path) -> None:
    document = json.loads(dashboard.read_text())
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        squares = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not squares & taken, panel["title"]
        taken |= squares
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
