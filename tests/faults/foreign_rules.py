"""What other programs do to a gateway's packet filter when they start, replayed by hand.

Sources: firewalld, src/firewall/core/nftables.py (build_default_rules, in its own table, at
priorities 10 behind the usual ones); Docker Engine 28, integration/network/bridge/iptablesdoc,
and the rules that libnetwork's setupIPTables adds for docker0.
"""

from tests.faults.gateway import Gateway

FIREWALLD = """
add table inet firewalld
delete table inet firewalld
table inet firewalld {
  chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; }
  chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; }
  chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; }
  chain nat_OUTPUT { type nat hook output priority -90; }
  chain filter_PREROUTING {
    type filter hook prerouting priority filter + 10;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
  }
  chain filter_INPUT {
    type filter hook input priority filter + 10;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_dispatch
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_dispatch {
    tcp dport 22 accept
    ip6 daddr fe80::/64 udp dport 546 accept
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_dispatch
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_dispatch { }
  chain filter_OUTPUT {
    type filter hook output priority filter + 10;
    ct state { established, related } accept
    oifname "lo" accept
  }
}
"""

DOCKER = (
    "-t nat -N DOCKER",
    "-t filter -N DOCKER",
    "-t filter -N DOCKER-BRIDGE",
    "-t filter -N DOCKER-CT",
    "-t filter -N DOCKER-FORWARD",
    "-t filter -N DOCKER-INTERNAL",
    "-t filter -N DOCKER-USER",
    "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "-t nat -A OUTPUT -m addrtype --dst-type LOCAL ! --dst 127.0.0.0/8 -j DOCKER",
    "-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
    "-t filter -I FORWARD -j DOCKER-FORWARD",
    "-t filter -I FORWARD -j DOCKER-USER",
    "-t filter -A DOCKER-FORWARD -j DOCKER-CT",
    "-t filter -A DOCKER-FORWARD -j DOCKER-INTERNAL",
    "-t filter -A DOCKER-FORWARD -j DOCKER-BRIDGE",
    "-t filter -A DOCKER-FORWARD -i docker0 -j ACCEPT",
    "-t filter -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-t filter -A DOCKER-BRIDGE -o docker0 -j DOCKER",
    "-t filter -A DOCKER ! -i docker0 -o docker0 -j DROP",
    "-t nat -F DOCKER",
    "-t filter -F DOCKER-INTERNAL",
)


def remove_firewalld(gateway: Gateway) -> None:
    """As firewalld stops: its own table goes."""
    gateway.run("nft", "delete table inet firewalld", check=False)


def remove_docker(gateway: Gateway, flavour: str) -> None:
    """Take the chains away, whatever of them stands."""
    for table in ("filter", "nat"):
        for arguments in (["-F"], ["-X"]):
            gateway.run(f"iptables-{flavour}", "-t", table, *arguments)
