"""What `python -m benchmarks.sweep` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from annotated_types import Interval

from autoencoders.ranges import Parts
from benchmarks.command_line.usage import UsageError
from quantizers.options import MAX_PARTS


@dataclass(frozen=True)
class Arguments:
    """Do all runs that a YAML file asks for, each as a `python -m benchmarks.run` of its own, and compare them.

    Runs that are stored already are not done again, whoever did them; those that were stopped or killed go on from
    their checkpoints. One that fails never ends the others: it is listed with its reason, and the exit code is then 1.
    What the runs say is in OUTPUT/logs.

    The file has the keys preset, data and output (as the flags of benchmarks.run), settings (any other of its flags,
    e.g. train.images: 1000), and runs: a list of groups, each with quantizers (names, or all), bits, seeds, options (of
    the quantizers, or a list of such options) and settings. See results/sweeps/ for examples.
    """

    file: Annotated[Path, tyro.conf.Positional]
    """The YAML file."""
    data: str | None = None
    """In the place of the file's data: a folder that lies elsewhere here."""
    output: Path | None = None
    """In the place of the file's output."""
    workers: Parts | None = None
    """Runs at a time on this machine, which share its cores and GPUs. By default one for each GPU, or else core."""
    dry_run: bool = False
    """Do nothing: list the runs as commands, which are done and which are to do."""
    ray: str | None = None
    """Do the runs as tasks of Ray (extra ray): local starts it on this machine, auto takes the cluster that this one is
    part of, and so does any other address of Ray's. The machines share the folder and the Python environment."""
    slurm: Path | None = None
    """Do nothing: write a SLURM array script with a task for each run that is to do, for sbatch."""
    cpus_per_run: Parts = 1
    """Cores, and threads, of each run on Ray and SLURM."""
    gpus_per_run: Annotated[float, Interval(ge=0, le=MAX_PARTS)] = 0
    """GPUs of each run on Ray and SLURM."""

    @property
    def instead(self) -> dict[str, str | Path]:
        """What stands in the place of the file's own keys."""
        given = {"data": self.data, "output": self.output}
        return {name: value for name, value in given.items() if value is not None}

    def check(self) -> None:
        """Raise UsageError where these flags cannot work."""
        if self.ray is not None and self.slurm is not None:
            raise UsageError("--ray does the runs and --slurm writes a script that does: give one of them")
