"""What should stand in nftables, as text: the tables kvar in `inet` and `netdev`, and an anchor.

Not what the sets are (sets.py), not what the rules say (chains.py), and not how the text gets into
the kernel (nft.py). Pure. The rules to keep: chains are replaced in one transaction; no other table
is ever named.
"""

from collections.abc import Collection, Iterable, Iterator

from firewall import sets
from firewall.chains import block_chain, egress_chains, inet_chains
from firewall.sets import TABLE
from firewall.settings import GateSettings

ANCHOR = "kvar_anchor"


def render_sets(settings: GateSettings) -> str:
    """Return the tables and sets, without any chain: harmless to apply at any time.

    The sizes do not depend on the settings, because a set's size cannot be changed in place.
    """
    return _text(sets.lines(settings))


def render_anchor() -> str:
    """Return a table that nobody but this process can flush, and that decides nothing.

    It keeps connection tracking and address translation going while a flush is mended. Without
    it, a server's packet to a guest would meet no translation, reach this machine itself, and be
    answered with a reset: every guest's connections would end. It goes when the process goes.
    No packet passes the chain `track`: that a rule speaks of connections is enough for the kernel.
    Needs Linux 5.12 (table flag `owner`).
    """
    return _text(
        [
            f"add table inet {ANCHOR} {{ flags owner; }}",
            f"add chain inet {ANCHOR} track",
            f"flush chain inet {ANCHOR} track",
            f"add rule inet {ANCHOR} track ct state established accept",
            f"add chain inet {ANCHOR} translate {{ type nat hook postrouting priority 101; }}",
        ]
    )


def render_chains(
    settings: GateSettings,
    present: Collection[str],
    stale: Iterable[tuple[str, str]] = (),
) -> str:
    """Return the chains and rules, to be applied in one transaction after the sets.

    Args:
        settings: the gate's settings.
        present: interfaces that exist now; the others get their egress chain when they appear.
        stale: (family, chain) in our tables that an earlier version left behind.
    """
    return _text(_chains(settings, present, stale))


def chain_names(settings: GateSettings, present: Collection[str]) -> set[tuple[str, str]]:
    """Return (family, chain) of all chains that `render_chains` makes."""
    names = {("inet", name) for name, _, _ in inet_chains(settings)}
    return names | {("netdev", name) for name, _, _ in egress_chains(settings, present)}


def blocks_chain(settings: GateSettings) -> str | None:
    """Return a chain whose presence says that ports were given out by these very blocks."""
    blocks = settings.port_blocks
    return None if blocks is None else block_chain(blocks, blocks.all()[0][1])


def _chains(
    settings: GateSettings, present: Collection[str], stale: Iterable[tuple[str, str]]
) -> Iterator[str]:
    chains = [("inet", chain) for chain in inet_chains(settings)]
    chains += [("netdev", chain) for chain in egress_chains(settings, present)]
    for family, (name, hook, _) in chains:
        yield f"add chain {family} {TABLE} {name}" + (f" {{ {hook} }}" if hook else "")
        yield f"flush chain {family} {TABLE} {name}"
    stale = list(stale)
    for family, name in stale:
        yield f"flush chain {family} {TABLE} {name}"
    for family, name in stale:
        yield f"delete chain {family} {TABLE} {name}"
    for family, (name, _, rules) in chains:
        for rule in rules:
            yield f"add rule {family} {TABLE} {name} {rule}"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
