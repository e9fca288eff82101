"""The demonstration's library system: three patrons behind real SIP2, in a process of its own.

Not part of Kvar in production: the server is ``pysip2``, an independent implementation (extra
``demo``), so that the demonstration proves our client against something we did not write.
Run it as ``python -m portal.library.demo_library --port 6001``; when it takes questions it says
so on stdout in one line that ends with its port.
Kvar must ask it with ``message = "information"`` and ``check_expiry = "PA"`` to see expiry.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pysip2 import (
    LOGIN,
    PATRON_INFORMATION,
    PATRON_STATUS,
    LoginRequest,
    LoginResponse,
    PatronInformationRequest,
    PatronInformationResponse,
    PatronStatusRequest,
    PatronStatusResponse,
    SIP2Server,
)
from pysip2.models import MESSAGE_SPECS_BY_TYPE, FieldSpec, MessageSpec

LOGIN_USER = "portal"
LOGIN_PASSWORD = "demo-sip2-password"  # noqa: S105 - printed in the documentation
INSTITUTION = "DEMO"

_GOOD = " " * 14
_LOST = "    Y" + " " * 9
_NO_PRIVILEGES = "YYYY" + " " * 10
"""What Koha and Evergreen send for an expired patron; the standard has no flag for expiry."""


@dataclass(frozen=True, slots=True)
class Patron:
    """An invented patron. ``expires`` is YYYYMMDD."""

    pin: str
    name: str
    status: str = _GOOD
    expires: str = "20991231"


PATRONS = {
    "20000000000001": Patron("1234", "Åsa Öström"),
    "20000000000002": Patron("2345", "Bo Berg", status=_LOST),
    "20000000000003": Patron("3456", "Cilla Ek", status=_NO_PRIVILEGES, expires="20200131"),
}


class DatedPatronInformation(PatronInformationResponse, frozen=True, kw_only=True):
    """A 64 with the date of expiry in PA, as Evergreen sends it. The standard has no such field."""

    expiry_date: str | None = None


_PLAIN = MESSAGE_SPECS_BY_TYPE[PatronInformationResponse]
MESSAGE_SPECS_BY_TYPE[DatedPatronInformation] = MessageSpec(
    _PLAIN.command_id,
    DatedPatronInformation,
    (*_PLAIN.fields, FieldSpec(name="expiry_date", field_id="PA")),
)

_NO_COUNTS: dict[str, Any] = dict.fromkeys(
    (
        "hold_items_count",
        "overdue_items_count",
        "charged_items_count",
        "fine_items_count",
        "recall_items_count",
        "unavailable_holds_count",
    ),
    "0000",
)


def build_server(login_password: str = LOGIN_PASSWORD) -> SIP2Server:
    """Return the server, ready to ``start`` or ``serve``."""
    server = SIP2Server(
        institution_id=INSTITUTION,
        library_name="Kvar Demo",
        encoding="utf-8",
        login_required=True,
    )

    @server.route(LOGIN)
    async def login(request: LoginRequest, _context: Any) -> LoginResponse:
        given = (request.login_user_id, request.login_password)
        return LoginResponse(ok="1" if given == (LOGIN_USER, login_password) else "0")

    @server.route(PATRON_STATUS)
    async def status(request: PatronStatusRequest, context: Any) -> PatronStatusResponse:
        return PatronStatusResponse(**_answer(request, context.now_18()))

    @server.route(PATRON_INFORMATION)
    async def information(
        request: PatronInformationRequest, context: Any
    ) -> PatronInformationResponse:
        patron = PATRONS.get(request.patron_identifier)
        return DatedPatronInformation(
            **_answer(request, context.now_18()),
            **_NO_COUNTS,
            expiry_date=patron.expires if patron else None,
        )

    return server


def _answer(request: PatronStatusRequest | PatronInformationRequest, now: str) -> dict[str, Any]:
    patron = PATRONS.get(request.patron_identifier)
    answer = {
        "patron_status": patron.status if patron else _NO_PRIVILEGES,
        "language": request.language,
        "transaction_date": now,
        "institution_id": request.institution_id,
        "patron_identifier": request.patron_identifier,
        "personal_name": patron.name if patron else "",
        "valid_patron": "Y" if patron else "N",
    }
    if patron is not None:
        answer["valid_patron_password"] = "Y" if request.patron_password == patron.pin else "N"
    return answer


async def serve(host: str, port: int, login_password: str) -> None:
    """Serve until cancelled; port 0 takes a free one."""
    async with build_server(login_password).start(host, port) as bound:
        sys.stdout.write(f"demonstration library listens on {host} port {bound}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run the demonstration library from the command line."""
    parser = argparse.ArgumentParser(prog="python -m portal.library.demo_library")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--login-password-file", type=Path, help=f"default: the password {LOGIN_PASSWORD}"
    )
    arguments = parser.parse_args()
    file: Path | None = arguments.login_password_file
    password = file.read_text("utf-8").strip() if file else LOGIN_PASSWORD
    # A job in a shell's background is born deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.host, arguments.port, password))


if __name__ == "__main__":
    main()
