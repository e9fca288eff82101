"""The lines of a dnsmasq configuration that follow from Kvar's own.

Not a whole configuration: ranges, upstream servers and interfaces are the network's business.
"""

from collections.abc import Iterator

from firewall.lab.dnsmasq import announcement_lines, record_lines
from firewall.sets import dnsmasq_lines
from portal import settings
from portal.config import Config
from portal.guest_names import names_of
from portal.web.guest import captive_api
from portal.web.guest.settings import origin


def lines(config: Config) -> list[str]:
    """Return the lines, ready to be put into /etc/dnsmasq.d/kvar.conf."""
    portal = origin("https", config.portal.host_name, config.portal.https_port)
    return [
        "# Written by: kvar config dnsmasq",
        *_names(config),
        *announcement_lines(portal + captive_api.PATH),
        *dnsmasq_lines(settings.gate(config, frozenset())),
        *record_lines(),
    ]


def _names(config: Config) -> Iterator[str]:
    """Lead the short names here too: elsewhere they would be a captured foreign address."""
    names = names_of(config)
    if config.portal.addresses:
        yield f"host-record={','.join((*names, *config.portal.addresses))}"
    else:
        yield "localise-queries"  # of several guest networks, each is told its own address
        for site in config.sites:
            for interface in site.guest_interfaces:
                yield from (f"interface-name={name},{interface}" for name in names)
    yield from (f"local=/{name}/" for name in names)
