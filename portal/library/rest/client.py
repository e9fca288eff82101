"""A library system asked over HTTP: carries a dialect's questions there and its answers back.

Not what they mean (koha.py, mikromarc.py). The door fails closed: whatever goes wrong, the answer
is not OK.
The rules to keep: only the configured host is asked, redirects are not followed (it would be told
card and PIN, whoever it is); logs name the reason, never a card, a PIN, a token or a body.
"""

import asyncio
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import structlog

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.rest.dialogue import Answer, Dialect, Dialogue, Request, RestFault
from portal.library.rest.settings import RestSettings
from portal.library.turns import Turns
from portal.trust import context_for

LONGEST_ANSWER_BYTES = 256 * 1024
"""A patron's record is some kilobytes."""

_log = structlog.get_logger(__name__)


class RestLibrary:
    """``portal.services.ports.LibrarySystem`` over HTTP, with ``check`` and ``ping`` beside it.

    Raises:
        OSError: on construction, when ``ca_file`` cannot be read (ssl.SSLError is one).
    """

    def __init__(self, settings: RestSettings, dialect: Dialect) -> None:
        self._settings = settings
        self._dialect = dialect
        self._base = settings.url.rstrip("/") + "/"
        self._tls = context_for(settings.ca_file)
        self._turns = Turns(
            settings.maximum_connections, settings.maximum_waiting, settings.login_timeout_s
        )
        self._log = _log.bind(library=urlsplit(settings.url).hostname)

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        """Ask once, within the configured deadlines. Never raises for a broken neighbour."""
        return (await self.check(card, pin)).outcome

    async def check(self, card: Secret, pin: Secret) -> Checked:
        """Ask like ``verify``, and tell why."""
        return await self._run(self._dialect.check(card, pin, _monotonic_s()))

    async def answers(self) -> bool:
        """Say whether it takes questions now; False as well while our own queue is full."""
        return (await self.ping()).outcome is Verification.OK

    async def ping(self) -> Checked:
        """Ask for something with no patron in it."""
        return await self._run(self._dialect.ping(_monotonic_s()))

    async def _run(self, dialogue: Dialogue) -> Checked:
        checked = await self._turns.take(partial(self._converse, dialogue))
        match checked.outcome:
            case Verification.REFUSED_BY_SERVER:
                self._log.error("library_refused_the_portal", reason=str(checked.reason))
            case Verification.UNAVAILABLE:
                self._log.warning("library_gave_no_answer", reason=str(checked.reason))
            case _:
                pass
        return checked

    async def _converse(self, dialogue: Dialogue) -> Checked:
        # Koha's servers are known to trip over connections that are kept for another question.
        connector = aiohttp.TCPConnector(ssl=self._tls, force_close=True)
        timeout = aiohttp.ClientTimeout(total=self._settings.answer_timeout_s)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        ) as session:
            try:
                request = next(dialogue)
                while True:
                    request = dialogue.send(await self._ask(session, request))
            except StopIteration as end:
                checked: Checked = end.value
                return checked
            except aiohttp.ClientSSLError:
                return _failed(RestFault.NOT_SECURE)
            except (aiohttp.ClientError, TimeoutError, OSError):
                return _failed(RestFault.NO_CONNECTION)
            except _TooLongError:
                return _failed(RestFault.TOO_LONG)

    async def _ask(self, session: aiohttp.ClientSession, request: Request) -> Answer:
        async with session.request(
            request.method,
            self._base + request.path,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
        ) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LONGEST_ANSWER_BYTES:
                    raise _TooLongError
            return Answer(response.status, bytes(body))


def _failed(fault: RestFault) -> Checked:
    return Checked(Verification.UNAVAILABLE, fault, neighbour_failed=True)


def _monotonic_s() -> float:
    return asyncio.get_running_loop().time()


class _TooLongError(Exception):
    """An answer that cannot be one."""
