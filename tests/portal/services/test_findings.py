"""What was found for somebody: its finder's alone, for minutes, and never many."""

from datetime import datetime, timedelta
from uuid import uuid4

from portal.services.console.findings import KEPT, MOST, Findings


def test_a_finding_is_its_finders_until_it_is_old(now: datetime) -> None:
    findings, mine, other = Findings(), uuid4(), uuid4()
    word = findings.keep(mine, "found", now)
    found = findings.find(word, mine, now + KEPT - timedelta(seconds=1))
    assert found is not None
    assert (found.value, found.until) == ("found", now + KEPT)
    assert findings.find(word, other, now) is None
    assert findings.find("x", mine, now) is None
    assert findings.find(word, mine, now + KEPT) is None


def test_there_are_never_more_than_a_few(now: datetime) -> None:
    findings, mine = Findings(), uuid4()
    words = [findings.keep(mine, number, now) for number in range(MOST + 1)]
    assert findings.find(words[0], mine, now) is None
    assert findings.find(words[1], mine, now) is not None
    assert len(set(words)) == MOST + 1
