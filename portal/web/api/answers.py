"""Answers of the API: what every one of them carries, whatever is in it."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel

from portal.web.headers import SECURITY_HEADERS

_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HSTS = "max-age=31536000"


def give(model: BaseModel, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return respond(model.model_dump_json(), "application/json", status)


def respond(
    text: str, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with text that is ours."""
    response = web.Response(
        body=text.encode(),
        status=status,
        headers={**SECURITY_HEADERS, "Content-Security-Policy": _POLICY, **(headers or {})},
    )
    response.headers["Content-Type"] = content_type
    return response


def add_hsts(response: web.StreamResponse) -> None:
    """Have programs come over TLS only from now on; where they do already."""
    response.headers["Strict-Transport-Security"] = _HSTS
