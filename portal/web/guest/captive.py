"""The answer to everything a captive device asks on port 80 under a foreign name: a redirect.

Not aware of who asks: no User-Agent, so that the thousandth probe is treated like the first, and
no look-up of the device (application.py spares devices that come back), so that it works when the
gate and the database are away.
The rule to keep: 302 (303 after a body), absolute Location to the one configured name, never
stored, never 204, empty, 301, 308, 4xx or 5xx: Android reads those as "no internet", ChromeOS
knows only 302 and 307, browsers store a 301.
"""

from aiohttp import web

from portal.web.guest.answers import redirect

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# More than 4 bytes: Android takes a shorter body as a failed probe, Chrome and ChromeOS an empty
# one as online. The link is for whoever sees the body because redirects are not followed.
_BODY = """<!DOCTYPE html>
<html lang="sv">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Wifi</title></head>
<body><p><a href="{portal}/">Logga in på wifi</a></p>
<p lang="en"><a href="{portal}/">Log in to Wi-Fi</a></p></body>
</html>
"""


class CaptiveAnswer:
    """Makes the redirect to one portal."""

    def __init__(self, portal_origin: str) -> None:
        self._location = f"{portal_origin}/"
        self._body = _BODY.format(portal=portal_origin)

    def __call__(self, method: str) -> web.Response:
        """Return a fresh redirect that closes the connection.

        After POST and its like a 303 asks for a GET, so that nobody's form data meant for
        another site is sent to the portal.
        """
        status = 303 if method.upper() in _WITH_BODY else 302
        return redirect(self._location, status=status, body=self._body, close=True)
