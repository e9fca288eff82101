"""Asks a process of this container whether it is ready: `python3 ready.py PORT`, its health_port.

Ends with 0 when it is. The composition's health checks call it; it needs Python alone.
"""

import http.client
import sys

asked = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
try:
    asked.request("GET", "/readyz")
    sys.exit(asked.getresponse().status != http.HTTPStatus.OK)
except OSError as problem:
    sys.exit(f"no answer: {problem}")
