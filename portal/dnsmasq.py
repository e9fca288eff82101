"""PURE: the lines of a dnsmasq configuration that follow from Kvar's own.

Not a whole configuration: ranges, upstream servers and interfaces are the network's business.
"""

from firewall.lab.dnsmasq import announcement_lines, record_lines
from firewall.ruleset import dnsmasq_lines
from portal import settings
from portal.config import Config

API_PATH = "/captive-portal/api"


def lines(config: Config) -> list[str]:
    """Return the lines, ready to be put into /etc/dnsmasq.d/kvar.conf."""
    host, port = config.portal.host_name, config.portal.https_port
    origin = f"https://{host}" if port == 443 else f"https://{host}:{port}"
    # The short names must lead here too: elsewhere they would be a captured foreign address.
    names = ",".join((host, *config.portal.short_names))
    addresses = "".join(f",{address}" for address in config.portal.addresses)
    return [
        "# Written by: kvar config dnsmasq",
        *([f"host-record={names}{addresses}"] if addresses else []),
        f"local=/{host}/",
        *announcement_lines(origin + API_PATH),
        *dnsmasq_lines(settings.gate(config, frozenset())),
        *record_lines(),
    ]
