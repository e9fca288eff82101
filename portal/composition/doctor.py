"""Composes the doctor's checks from the configuration; what it asks the database is asked here."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread

from portal.clock import utc_now
from portal.composition.database import key_directory, looked_at
from portal.composition.start import StartError
from portal.composition.vouchers import live_codes
from portal.config import Config
from portal.config_file import DEFAULT_PATH
from portal.doctor import announcement, boot, certificates, machine, network, outside, store
from portal.doctor.examination import PATIENT_S, Check, examine
from portal.doctor.finding import Finding
from portal.doctor.library import library
from portal.doctor.library_rest import library_rest
from portal.doctor.store import Questions, Schema, ToldLevel
from portal.services.key_files import SHARED
from portal.storage.migrate import read_migrations
from portal.storage.privacy import PostgresPrivacy


async def look(
    config: Config,
    config_file: Path,
    test_card: str = "",
    pin: str = "",
    only: Collection[str] = (),
) -> list[Finding]:
    """Make every check that this configuration calls for, or ``only`` those of these names.

    With a ``test_card`` of the library in good standing, the library system gets three probes;
    they cost one PIN attempt on that card for each kind of message tried.

    Raises:
        StartError: there is no such check.
    """
    checks = _checks(config, config_file, test_card, pin)
    known = {check.name for check in checks}
    for name in only:
        if name not in known:
            raise StartError(f"no check {name!r}; there are: {', '.join(sorted(known))}")
    return await examine([check for check in checks if not only or check.name in only])


class LookFromAService:
    """What a process of ours can see of the installation; whoever asks at once shares one look.

    The units leave it no sight of other processes, of the kernel's settings and clock, of the
    configuration's owner or of DHCP.
    """

    _HIDDEN = frozenset(
        {"processes", "kernel", "clock", "files", "announcement", "probe hosts", "start"}
    )
    _FRESH_S = 20.0

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._found: Sequence[Finding] = ()
        self._good_until_s = -math.inf

    async def __call__(self) -> Sequence[Finding]:
        """Return the findings, at most twenty seconds old."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            if clock() >= self._good_until_s:
                checks = _checks(self._config, DEFAULT_PATH, "", "")
                seen = [check for check in checks if check.name not in self._HIDDEN]
                self._found = await examine(seen)
                self._good_until_s = clock() + self._FRESH_S
            return self._found


def _checks(config: Config, config_file: Path, test_card: str, pin: str) -> list[Check]:
    checks = [*_here(config, config_file), *_around(config)]
    if config.library_system is not None:
        probe = partial(library, config.library_system, test_card, pin)
        checks.append(Check("library system", probe, PATIENT_S))
    if config.library_rest is not None:
        asked = partial(library_rest, config.library_rest, test_card, pin)
        checks.append(Check("library system", asked, PATIENT_S))
    return checks


def _here(config: Config, config_file: Path) -> list[Check]:
    now = utc_now()

    def sites_certificates() -> list[Finding]:
        portal, staff = config.portal, config.staff
        found = certificates.certificate(portal.certificate_file, portal.host_name, now)
        found += certificates.chain_and_key(portal)
        found += certificates.staff_certificate(staff, now)
        return found + (certificates.chain_and_key(staff) if staff else [])

    questions = Questions(
        partial(ask_schema, config),
        partial(live_codes, config),
        partial(unlike_nodes, config),
        partial(unlike_levels, config),
    )
    return [
        Check("secrets", _at_once(partial(machine.secrets, config))),
        Check("files", _at_once(partial(machine.files, config, config_file))),
        Check("disk", _at_once(partial(machine.disk, config))),
        Check("backup", _at_once(partial(machine.backups, config, now))),
        Check("clock", _at_once(machine.clock)),
        Check("processes", _at_once(machine.processes)),
        Check("certificate", _at_once(sites_certificates)),
        Check("database", partial(store.database, questions, now)),
        Check("services", partial(outside.running, config, now)),
        Check("start", partial(boot.starts_by_itself, config)),
    ]


def _around(config: Config) -> list[Check]:
    checks = [
        Check("gate", partial(network.gate, config)),
        Check("neighbours", partial(outside.neighbours, config)),
    ]
    if not machine.gateway(config):
        return checks
    return [
        *checks,
        Check("kernel", _at_once(partial(machine.kernel, config))),
        Check("names", partial(network.names, config)),
        Check("announcement", partial(announcement.announcement, config)),
        Check("redirect", partial(outside.redirect, config)),
        Check("captive API", partial(outside.captive_api, config)),
        Check("probe hosts", outside.genuine),
    ]


def _at_once(
    look_at: Callable[[], Sequence[Finding]],
) -> Callable[[], Awaitable[Sequence[Finding]]]:
    """Look in a thread: a disk that hangs (a backup's, over the network) holds up nobody else."""

    async def looked() -> Sequence[Finding]:
        found = Future[Sequence[Finding]]()
        found.set_running_or_notify_cancel()
        Thread(target=_settle, args=(found, look_at), daemon=True).start()
        return await asyncio.wrap_future(found)

    return looked


def _settle(found: Future[Sequence[Finding]], look_at: Callable[[], Sequence[Finding]]) -> None:
    try:
        found.set_result(look_at())
    except Exception as problem:  # noqa: BLE001 - raised where it is awaited
        found.set_exception(problem)


async def ask_schema(config: Config) -> Schema:
    """Return the schema's version and the database's clock.

    Raises:
        DatabaseUnavailableError: the database did not answer.
    """
    newest = max(migration.version for migration in read_migrations())
    async with looked_at(config) as database:
        there = await database.fetch_row("SELECT to_regclass('schema_migration') AS name")
        clock = await database.fetch_row("SELECT clock_timestamp() AS now")
        row = None
        if there is not None and there["name"] is not None:
            row = await database.fetch_row("SELECT max(version) AS version FROM schema_migration")
    now = utc_now() if clock is None else clock["now"]
    return Schema(None if row is None else row["version"], newest, now)


async def unlike_nodes(config: Config) -> int:
    """Return how many nodes told of themselves within an hour; 1 where they have a key in common.

    Raises:
        DatabaseUnavailableError: the database did not answer.
    """
    try:
        if (key_directory(config) / f"{SHARED}.key").exists():
            return 1
    except PermissionError:  # the folder is closed to us: nothing is known
        return 1
    async with looked_at(config) as database:
        row = await database.fetch_row(
            "SELECT count(*) AS count FROM node_report WHERE at > now() - interval '1 hour'"
        )
    return 1 if row is None else int(row["count"])


async def unlike_levels(config: Config) -> list[ToldLevel]:
    """Return the privacy levels that nodes tell differently.

    Raises:
        DatabaseUnavailableError: the database did not answer.
    """
    async with looked_at(config) as database:
        told = await PostgresPrivacy(database).differing()
    return [ToldLevel(site_id, node, int(level)) for site_id, node, level in told]
