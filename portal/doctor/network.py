"""Does the guest network lead to us: the gate, the resolver, the redirect, the announcement?

The rule to keep: each question is asked as a phone would ask it, at the guest interface's address.
"""

from pathlib import Path

from firewall.client import GateClient, GateError
from portal import guest_names, settings
from portal.config import Config
from portal.doctor.finding import Finding, Level, failure, right


async def gate(config: Config) -> list[Finding]:
    """Check that the gate answers, and sees its guest interfaces."""
    if not settings.has_gate(config):
        text = "none: the access points of every site let devices in, and keep them out"
        return [Finding("gate", Level.RIGHT, text)]
    async with GateClient(config.gate.socket) as client:
        try:
            health = await client.ping()
        except GateError as problem:
            way_out = "start it; see [gate] socket"
            command = "systemctl start kvar-gate"
            return [Finding("gate", Level.FAILURE, str(problem), way_out, command)]
    findings = [right("gate", f"answers; {health['devices']} devices are let through")]
    findings += [
        failure("gate", f"{interface} is not there", *way_up(interface))
        for interface in health["missing_interfaces"]
    ]
    if health["simulated"]:
        way_out = "set [gate] enabled = true: nothing is enforced"
        findings.append(failure("gate", "is simulated", way_out))
    return findings


def way_up(interface: str, there: Path = Path("/sys/class/net")) -> tuple[str, str]:
    """Return the way out, and its command, where an interface does not carry guests."""
    if (there / interface).exists():
        return "bring it up", f"ip link set {interface} up"
    others = ", ".join(sorted(path.name for path in there.iterdir() if path.name != "lo"))
    return f"make it, or name another in guest_interfaces; there are: {others or 'none'}", "ip link"


async def names(config: Config, port: int = guest_names.DNS_PORT) -> list[Finding]:
    """Check that the guests' resolver leads the portal's names to this machine."""
    check = "names"
    interfaces = [name for site in config.sites for name in site.guest_interfaces]
    resolvers = {name: guest_names.ipv4_address(name) for name in interfaces}
    ours = {*config.portal.addresses, *filter(None, resolvers.values())}
    findings = []
    for interface, resolver in resolvers.items():
        if resolver is None:
            text = f"{interface} has no IPv4 address"
            way_out = "bring the guest interface up with its address"
            findings.append(Finding(check, Level.FAILURE, text, way_out))
            continue
        asked = guest_names.names_of(config)
        findings += [await _name(name, resolver, port, ours) for name in asked]
    return findings


async def _name(name: str, resolver: str, port: int, ours: set[str]) -> Finding:
    way_out = "put these lines into the guests' resolver"
    command = "kvar config dnsmasq"
    try:
        found = await guest_names.ask(resolver, name, port)
    except guest_names.NoAnswerError as problem:
        text = f"{resolver} does not say what {name} is: {problem}"
        return Finding("names", Level.FAILURE, text, way_out, command)
    told = ", ".join(found) or "nothing"
    text = f"on {resolver}, {name} is {told}"
    if not found or not ours.issuperset(found):
        return Finding("names", Level.FAILURE, f"{text}, not this machine", way_out, command)
    return Finding("names", Level.RIGHT, text)
