"""Ray, on machines that share folders and the Python environment, for commands that have it do their work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.command_line.usage import UsageError


@contextmanager
def connected(address: str, cpus: int, gpus: float, gpu_flag: str) -> Iterator[Any]:
    """Ray's module, connected until the end of the block.

    Args:
        address: "local" starts Ray on this machine, "auto" takes the cluster that this one is part of; or any of Ray's.
        cpus: Cores that Ray has where it is started here.
        gpus: GPUs of each task, or its share of one.
        gpu_flag: What asks for these.

    Raises:
        UsageError: Ray is not installed, not there, or has no such GPUs here.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError("--ray needs Ray: pip install 'quantizer-zoo-benchmark[ray]'") from error
    here: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **here)
    except Exception as error:  # Ray raises whatever it meets
        raise UsageError(f"--ray {address}: no Ray answers there ({error}); local starts one") from error
    try:
        if here and gpus > ray.cluster_resources().get("GPU", 0):
            raise UsageError(f"{gpu_flag} {gpus:g}: Ray finds fewer GPUs on this machine")
        yield ray
    finally:
        ray.shutdown()
