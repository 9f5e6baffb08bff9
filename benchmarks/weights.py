"""Published weights that some metrics need:

    python -m benchmarks.weights            fetch what is not at hand into the torch hub cache
    python -m benchmarks.weights --list     say what is at hand, and where

Nothing else in this project downloads weights.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.command_line.process import run_command

if TYPE_CHECKING:
    from benchmarks.metrics.weights import PublishedWeights

TIMEOUT = 30  # seconds without an answer, after which a server counts as out of reach


def _fetch(weights: PublishedWeights) -> bool:
    """Bring one file into the cache; says what happened, and whether it is there now."""
    if weights.cached.is_file():
        try:
            weights.check(weights.cached)
        except ValueError as error:
            print(f"{error}; fetching it again")
        else:
            print(f"{weights.name} is at hand: {weights.cached}")
            return True
    try:
        weights.fetch()
    except (OSError, RuntimeError) as error:
        print(
            f"{weights.name} cannot be fetched ({error}). Fetch {weights.url} on a machine that can, "
            f"and put it at {weights.cached}",
            file=sys.stderr,
        )
        return False
    print(f"{weights.name} fetched: {weights.cached}")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code, 1 if a file is not there at the end."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.weights",
        description="Fetch the published weights that LPIPS and rFID need into the torch hub cache.",
    )
    parser.add_argument("--list", action="store_true", help="say what is at hand, and fetch nothing")
    is_list = parser.parse_args(arguments).list
    from benchmarks.metrics.weights import PUBLISHED, MetricWeights  # torch, which help need not wait for

    if not is_list:
        socket.setdefaulttimeout(TIMEOUT)
        at_hand = [_fetch(weights) for weights in PUBLISHED]
        return 0 if all(at_hand) else 1
    missing = MetricWeights.find().missing
    for weights in PUBLISHED:
        print(f"{weights.metric}: {missing.get(weights.metric) or f'{weights.name} at {weights.cached}'}")
    return 0


if __name__ == "__main__":
    run_command(main)
