"""``make bench-day``: a compressed library day on Kvar and on openNDS, from one seed."""

import argparse
import secrets
import sys

from bench.day.kvar import Kvar
from bench.day.play import Played, play
from bench.day.report import rows, text
from bench.day.scenario import Size, draw
from bench.rows import save

PRODUCTS = {"kvar": Kvar}


def main(arguments: list[str]) -> int:
    """Draw the day, play it on each product, print the table, write bench/results/day.json."""
    wish = _parser().parse_args(arguments)
    seed = wish.seed if wish.seed is not None else secrets.randbelow(1_000_000)
    size = Size(wish.minutes, wish.devices, min(6, wish.devices // 2), wish.faults)
    print(f"seed {seed} (SEED={seed} repeats this day); one minute takes {wish.minute_s} s")
    day = draw(seed, size)
    played: list[Played] = []
    for name in wish.products:
        product = PRODUCTS[name]()
        print(f"\n{product.name}")
        played.append(play(day, product, wish.minute_s))
    print(f"\n{text(day, wish.minute_s, played)}")
    print(f"written to {save('day', rows(played))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.day", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--minutes", type=int, default=Size.minutes)
    parser.add_argument("--devices", type=int, default=Size.devices)
    parser.add_argument("--faults", type=int, default=Size.faults)
    parser.add_argument("--minute-s", type=float, default=1.0, help="real seconds of a minute")
    parser.add_argument("--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
