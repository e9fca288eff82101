"""Composes the library system's door."""

from portal import settings
from portal.composition.start import StartError
from portal.config import Config
from portal.library.guarded_library import GuardedLibrary
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError


def compose_library(config: Config) -> GuardedLibrary | None:
    """Return it; None where no site takes cards.

    Raises:
        StartError: its settings cannot work.
    """
    if config.library_system is None:
        return None
    try:
        return GuardedLibrary(Sip2Library(settings.sip2(config.library_system)))
    except (Sip2SettingsError, OSError) as problem:
        raise StartError(f"[library_system]: {problem}") from problem
