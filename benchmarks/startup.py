"""How long ``facekit --help`` takes: ``python benchmarks/startup.py [--runs 15]``.

Median of whole processes, wall and CPU, beside an empty Python and one that imports click alone.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

LINES = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "facekit --help": ["-c", "import sys; sys.argv = ['facekit', '--help']; "
                       "from facekit.cli.main import main; main()"],
    "facekit complete --help": ["-c", "import sys; sys.argv = ['facekit', 'complete', '--help']; "
                                "from facekit.cli.main import main; main()"],
}  # fmt: skip


def once(arguments: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def main() -> None:
    """Print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    print(f"{'median of ' + str(runs):28s}   wall ms    CPU ms")
    for name, arguments in LINES.items():
        once(arguments)
        wall, cpu = zip(*(once(arguments) for _ in range(runs)), strict=True)
        print(f"{name:28s} {1e3 * statistics.median(wall):9.0f} {1e3 * statistics.median(cpu):9.0f}")


if __name__ == "__main__":
    main()
