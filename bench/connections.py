"""New TCP connections as fast as one process can: ``server PORT``, or ``client PORT SECONDS``.

Not a load generator for a network: both ends are Python, so their own cost is in every rate; only
the ratio of two rates through two gateways says something. The client prints connections a second.
"""

import socket
import struct
import sys
import time

_ADDRESSES = [f"198.18.7.{last}" for last in range(1, 251)]
"""All of them are the lab's internet. With 28,000 ports each, no connection meets an old one's
entry in the connection table."""
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: a reset at once, and no TIME_WAIT


def serve(port: int) -> None:
    """Accept and close, for ever."""
    with socket.create_server(("0.0.0.0", port), backlog=4096) as listener:  # noqa: S104
        while True:
            listener.accept()[0].close()


def connect_for(port: int, seconds: float) -> float:
    """Return connections a second."""
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        for address in _ADDRESSES:
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                connection.connect((address, port))
        count += len(_ADDRESSES)
    return count / (time.monotonic() - began)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(int(sys.argv[2]))
    else:
        print(connect_for(int(sys.argv[2]), float(sys.argv[3])))
