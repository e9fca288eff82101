"""A DSN with several hosts, taken apart: each host gets its share of the time.

Not a connection. asyncpg tries the hosts one after another under one deadline, so that a host
which is silent, not refusing, would use up all of it. The rule to keep: hosts are tried as written.
"""

from urllib.parse import urlsplit, urlunsplit


def split_hosts(dsn: str) -> tuple[str, ...]:
    """Return one DSN per host (``postgresql://user@a:5432,b:5432/database?…``, libpq's form).

    With several hosts, only one that takes writes will do, unless the DSN says otherwise: the
    others are standbys.
    """
    parts = urlsplit(dsn)
    user, at, places = parts.netloc.rpartition("@")
    hosts = places.split(",")
    if len(hosts) == 1:
        return (dsn,)
    query = parts.query
    if "target_session_attrs=" not in query:
        query = "&".join(filter(None, [query, "target_session_attrs=read-write"]))
    return tuple(
        urlunsplit(parts._replace(netloc=f"{user}{at}{host}", query=query)) for host in hosts
    )
