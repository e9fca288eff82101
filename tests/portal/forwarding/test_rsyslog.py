"""Debian's rsyslog as the collector: a foreign reader of what we write."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from portal.domain.forwarded_event import ForwardedEvent
from portal.forwarding.syslog_channel import Collector, SyslogChannel
from portal.forwarding.syslog_message import Dress
from portal.services.ports.forwarding import CollectorUnavailableError
from tests.portal.forwarding.collector import make_keys
from tests.portal.storage.clusters import eventually
from tests.ports import free_port

CONFIGURATION = """
global(
  workDirectory="{directory}"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{authority}"
  defaultNetstreamDriverCertFile="{chain}"
  defaultNetstreamDriverKeyFile="{key}"
)
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
module(load="mmpstrucdata")
template(name="read" type="list" option.jsonf="on") {{
  property(outname="at" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="kind" name="msgid" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="reason" name="$!rfc5424-sd!kvar@32473!reason" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="mmpstrucdata")
action(type="omfile" file="{directory}/heard" template="read")
"""

EVENTS = [
    ForwardedEvent(
        1,
        datetime(2026, 11, 26, 9, 0, 0, 250_000, tzinfo=UTC),
        kind,
        "city",
        "",
        "",
        {"reason": reason},
    )
    for kind, reason in (("session_ended", 'sa]de "hej" \\ då'), ("clock_jumped", "åäö"))
]


async def test_rsyslog_reads_every_part(tmp_path: Path) -> None:
    keys, port = make_keys(tmp_path / "keys"), free_port()
    (tmp_path / "conf").write_text(
        CONFIGURATION.format(
            directory=tmp_path, port=port, authority=keys.authority, chain=keys.chain, key=keys.key
        )
    )
    words = ("-n", "-f", tmp_path / "conf", "-i", tmp_path / "pid", "-u", "0022")
    rsyslog = await asyncio.create_subprocess_exec("rsyslogd", *words)
    channel = SyslogChannel(Collector("localhost", port, keys.authority), Dress("gateway", 7))

    async def takes() -> bool:
        try:
            await channel.send(EVENTS)
        except CollectorUnavailableError:
            return False
        return True

    async def has_written() -> bool:
        path = tmp_path / "heard"
        return path.exists() and path.read_text().count("\n") >= len(EVENTS)

    try:
        await eventually(takes)
        await eventually(has_written)
        heard = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    finally:
        await channel.close()
        rsyslog.terminate()
        await rsyslog.wait()
    assert [one["kind"] for one in heard] == ["session_ended", "clock_jumped"]
    assert [one["severity"] for one in heard] == ["notice", "warning"]
    assert [one["reason"] for one in heard] == [event.detail["reason"] for event in EVENTS]
    assert {(one["app"], one["facility"]) for one in heard} == {("kvar", "local0")}
    assert {one["at"] for one in heard} == {"2026-11-26T09:00:00.250000Z"}
    assert [json.loads(one["message"].lstrip("\ufeff"))["reason"] for one in heard] == [
        event.detail["reason"] for event in EVENTS
    ]
