"""Is the database there, of this version, in time, and without too many codes in drawers?

The rule to keep: a database that is away is one finding; every other check does without it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from portal.doctor.finding import Finding, failure, right, warning
from portal.domain.voucher import MOST_LIVE
from portal.services.ports import DatabaseUnavailableError

MOST_APART = timedelta(seconds=2)
"""Between this machine's clock and the database's: ends are judged by ours, queues by its own."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The newest migration applied (None: none), the newest we have, and the database's clock."""

    applied: int | None
    newest: int
    now: datetime


@dataclass(frozen=True, slots=True)
class ToldLevel:
    """What a node's file says of a site at which another node's says something else."""

    site: str
    node: str
    level: int


async def _one() -> int:
    return 1


async def _none() -> Sequence[ToldLevel]:
    return ()


@dataclass(frozen=True, slots=True)
class Questions:
    """What the doctor asks the database; each raises DatabaseUnavailableError.

    ``live_codes`` returns how many codes of vouchers would let somebody in, by the names of the
    sites that take codes; ``unlike_nodes`` how many nodes may name guests each in its own way;
    ``unlike_levels`` the privacy levels that nodes tell differently, by site.
    """

    schema: Callable[[], Awaitable[Schema]]
    live_codes: Callable[[], Awaitable[Mapping[str, int]]]
    unlike_nodes: Callable[[], Awaitable[int]] = _one
    unlike_levels: Callable[[], Awaitable[Sequence[ToldLevel]]] = _none


async def database(ask: Questions, now: datetime) -> list[Finding]:
    """Check that it answers, and what it says."""
    try:
        schema = await ask.schema()
        findings = [_version(schema), _clock(schema.now - now)]
        if schema.applied != schema.newest:
            return findings
        findings += _nodes(await ask.unlike_nodes())
        findings += _levels(await ask.unlike_levels())
        return findings + [_codes(*site) for site in (await ask.live_codes()).items()]
    except DatabaseUnavailableError as problem:
        way_out = "start it, or mend [database] dsn; without a dsn, kvar run starts a private one"
        command = "systemctl start postgresql"
        return [failure("database", f"cannot be asked: {problem}", way_out, command)]


def _nodes(unlike: int) -> list[Finding]:
    """Two nodes without a key in common name the same guest differently from the next week on."""
    if unlike < 2:
        return []
    text = f"{unlike} nodes use it, and this one has no shared.key beside its keys"
    way_out = "make one and copy the keys to each node, see docs/operations.md; looking for a "
    way_out += "person and deleting find only what this node wrote"
    command = "openssl rand -out /var/lib/kvar/keys/shared.key 32"
    return [failure("database", text, way_out, command)]


def _levels(told: Sequence[ToldLevel]) -> list[Finding]:
    findings = []
    for site, rows in groupby(told, lambda one: one.site):
        ones = list(rows)
        said = ", ".join(f"{one.node} says {one.level}" for one in ones)
        least = min(one.level for one in ones)
        text = (
            f"nodes tell different privacy levels of {site}: {said}. The strictest, {least}, holds"
        )
        way_out = "make [[sites]] privacy_level alike in every node's file, and restart the keeper "
        way_out += "there; a node that is no more is forgotten after a day"
        findings.append(failure("privacy", text, way_out, "systemctl restart kvar-keeper"))
    return findings


def _version(schema: Schema) -> Finding:
    text = f"answers; schema version {schema.applied}"
    if schema.applied == schema.newest:
        return right("database", text)
    if (schema.applied or 0) > schema.newest:
        return failure(
            "database", f"{text}, of a newer Kvar", "upgrade this one", "apt upgrade kvar"
        )
    way_out = f"bring it to version {schema.newest}"
    return failure("database", text, way_out, "systemctl restart kvar-migrate")


def _clock(apart: timedelta) -> Finding:
    text = f"its clock and ours are {abs(apart.total_seconds()):.1f} s apart"
    if abs(apart) <= MOST_APART:
        return right("database", text)
    return warning("database", text, "keep both in time", "chronyc tracking")


def _codes(site: str, live: int) -> Finding:
    text = f"{site} has {live} codes that would let somebody in"
    if live <= MOST_LIVE:
        return right("codes", text)
    text = f"{text}, which helps whoever guesses"
    command = "kvar voucher revoke B --batch --unused"
    return warning("codes", text, "turn unused batches off", command)
