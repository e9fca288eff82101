"""``make bench``: run one benchmark or all, print a table each, write bench/results/<name>.json."""

import importlib
import logging
import sys

import structlog

from bench.rows import save, table

BENCHMARKS = ("gate", "log", "login", "presence", "radius", "vouchers")


def main(arguments: list[str]) -> int:
    """Run the named benchmarks; without a name, all of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    names = arguments or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"kvar: no benchmark {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
        return 2
    for name in names:
        rows = importlib.import_module(f"bench.{name}").measure()
        print(f"\n{name}\n{table(rows)}")
        print(f"written to {save(name, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
