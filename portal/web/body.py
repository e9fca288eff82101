"""A request's body, read with a limit and a deadline.

Not what it means (forms.py, api/reading.py). The rule to keep: no more is held than the limit,
whatever the headers said, and nobody keeps a reader waiting.
"""

import asyncio

from aiohttp import web

DEADLINE_S = 10.0


class CutShortError(Exception):
    """The body ended before its end, or did not come in time."""


async def read_at_most(request: web.BaseRequest, limit: int) -> bytes | None:
    """Return the body, None as soon as it is longer than the limit.

    Raises:
        CutShortError: it did not come whole.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    return None
    except (TimeoutError, OSError, web.RequestPayloadError) as error:
        raise CutShortError from error
    return bytes(body)
