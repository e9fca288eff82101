"""Composes the library system's door."""

from portal import settings_library
from portal.clock import local_date
from portal.composition.start import StartError
from portal.config import Config
from portal.library.check import CheckingLibrary
from portal.library.guarded_library import GuardedLibrary
from portal.library.rest.client import RestLibrary
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError


def compose_library(config: Config) -> GuardedLibrary | None:
    """Return it; None where no site takes cards.

    Raises:
        StartError: its settings cannot work.
    """
    library = open_library(config)
    return None if library is None else GuardedLibrary(library)


def open_library(config: Config) -> CheckingLibrary | None:
    """Return the library system as it is asked, without the circuit breaker.

    Raises:
        StartError: its settings cannot work.
    """
    try:
        if config.library_system is not None:
            return Sip2Library(settings_library.sip2(config.library_system))
    except (Sip2SettingsError, OSError) as problem:
        raise StartError(f"[library_system]: {problem}") from problem
    if config.library_rest is None:
        return None
    try:
        dialect = settings_library.rest_dialect(config.library_rest, local_date)
        return RestLibrary(settings_library.rest(config.library_rest), dialect)
    except (ValueError, OSError) as problem:
        raise StartError(f"[library_rest]: {problem}") from problem
