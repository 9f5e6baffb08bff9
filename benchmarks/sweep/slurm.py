"""Jobs as a SLURM array: a script to look at and to submit."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command_line.process import START
from benchmarks.sweep.job import Job


def script(jobs: Sequence[Job], name: str, cpus: int, gpus: float) -> str:
    """A bash script for `sbatch` with an array task for each job, to be carried out in the present folder.

    Args:
        jobs: What is to do.
        name: Of the sweep.
        cpus: Cores of each run, which are its threads.
        gpus: GPUs of each run.
    """
    tasks = "\n".join(f"  {index}) set -- {shlex.join(job.words)} ;;" for index, job in enumerate(jobs))
    gpu_line = f"#SBATCH --gpus-per-task={math.ceil(gpus)}\n#SBATCH --ntasks=1\n" if gpus else ""
    return f"""#!/bin/bash
# The runs of the sweep {name} that are to do, {len(jobs)} of them, an array task each.
#
#   sbatch THIS_FILE                                 all of them
#   sbatch --array=0-{len(jobs) - 1}%8 THIS_FILE     at most eight at a time
#   sbatch --time=2:00:00 --partition=P THIS_FILE    with what your cluster asks for
#   SLURM_ARRAY_TASK_ID=0 bash THIS_FILE             the first of them, here
#
# A run is stored whole or not at all. One that was stopped or killed goes on from its checkpoint: submit the file
# again, in which runs that are stored end at once, or have it written again for those that are still to do.
#
#SBATCH --job-name={shlex.quote(name)}
#SBATCH --array=0-{len(jobs) - 1}
#SBATCH --cpus-per-task={cpus}
{gpu_line}\
# What a task says; the folder has to be there before.
#SBATCH --output={_quoted(jobs[0].log.parent.absolute() / "slurm-%A_%a.log")}
# Two minutes before its time is over a run is asked to stop, and stores a checkpoint.
#SBATCH --signal=B:TERM@120
# A task that gave way to a more urgent one is queued again.
#SBATCH --requeue

set -euo pipefail

# Data and results are named from this folder, on a file system that all nodes see.
cd -- {shlex.quote(str(Path.cwd()))}
run=({shlex.join(START)} run)
export OMP_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-{cpus}}}"

case "${{SLURM_ARRAY_TASK_ID:?is set by sbatch; give a number from 0 to {len(jobs) - 1}}}" in
{tasks}
  *) echo "error: there is no task $SLURM_ARRAY_TASK_ID, only 0 to {len(jobs) - 1}" >&2; exit 2 ;;
esac

# exec, so that the run itself gets the signal. Each run sees to the baselines where they are missing; that
# several do so at once costs seconds and harms nothing.
exec "${{run[@]}}" "$@"
"""


def _quoted(path: Path) -> str:
    """A path for an #SBATCH line, which knows double quotes alone."""
    return f'"{path}"' if " " in str(path) else str(path)
