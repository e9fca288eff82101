"""``make bench-day``: a compressed library day on Kvar and on openNDS, from one seed."""

import argparse
import secrets
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.day.kvar import Kvar
from bench.day.opennds import BEST, DEFAULT, OpenNds
from bench.day.play import Played, play
from bench.day.product import Product
from bench.day.report import rows, text
from bench.day.scenario import Size, draw
from bench.rows import save

PRODUCTS: dict[str, Callable[[float], AbstractContextManager[Product]]] = {
    "kvar": lambda _: Kvar(),
    "opennds": lambda minute_s: OpenNds("openNDS, default", DEFAULT, minute_s),
    "opennds-best": lambda minute_s: OpenNds("openNDS, best", BEST, minute_s),
}


def main(arguments: list[str]) -> int:
    """Draw the day, play it on each product, print the table, write bench/results/day.json."""
    wish = _parser().parse_args(arguments)
    seed = wish.seed if wish.seed is not None else secrets.randbelow(1_000_000)
    size = Size(wish.minutes, wish.devices, min(6, wish.devices // 2), wish.faults)
    print(f"seed {seed} (SEED={seed} repeats this day); one minute takes {wish.minute_s} s")
    day = draw(seed, size)
    played: list[Played] = []
    for name in wish.products:
        print(f"\n{name}", flush=True)
        played.append(play(day, PRODUCTS[name](wish.minute_s), wish.minute_s, _tell))
    print(f"\n{text(day, wish.minute_s, played)}")
    print(f"written to {save('day', rows(played))}")
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.day", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--minutes", type=int, default=Size().minutes)
    parser.add_argument("--devices", type=int, default=Size().devices)
    parser.add_argument("--faults", type=int, default=Size().faults)
    parser.add_argument("--minute-s", type=float, default=1.0, help="real seconds of a minute")
    parser.add_argument("--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
