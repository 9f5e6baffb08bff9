"""What `python -m benchmarks.evaluate` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from accelerate import Accelerator
from rich.console import Console

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.explained import chosen_variants, explain_all
from benchmarks.evaluate.job import Job, TokenizerJob
from benchmarks.evaluate.measure import Measuring, execute
from benchmarks.evaluate.opening import TestData
from benchmarks.evaluate.published import published_job
from benchmarks.evaluate.reconstructions import reconstructions_job
from benchmarks.evaluate.trained import trained_jobs
from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.references import cache_folder
from benchmarks.records.record import read_record
from benchmarks.tables import variants as explain_tables
from benchmarks.tables.stored import print_runs
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig


def prepare(arguments: Arguments, accelerator: Accelerator, console: Console, errors: Console) -> Sequence[Job]:
    """Everything that can be found wrong is found here, before the first evaluation.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    require_writable(arguments.output)

    data = TestData(arguments, accelerator, console)
    if arguments.reference is not None and arguments.reconstruction is not None:
        return [reconstructions_job(arguments, arguments.reference, arguments.reconstruction, errors)]
    jobs = [published_job(arguments, data, errors)] if arguments.model else trained_jobs(arguments, data, errors)
    if arguments.explain and (others := [job for job in jobs if job.signal != "pictures"]):
        raise UsageError(f"--explain is for tokenizers of pictures, and {others[0].name} is of {others[0].signal}")
    return jobs


def evaluate(arguments: Arguments, command: str, console: Console, errors: Console) -> int:
    """Measure and show; 0.

    Args:
        command: What is asked for as a command line, which explanations are stored with.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    variants = chosen_variants(arguments)
    accelerator = make_accelerator(TrainConfig(), arguments.cpu)
    console.quiet = errors.quiet = not accelerator.is_main_process
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    features = None if arguments.i3d is None else VideoFeatures(arguments.i3d)
    jobs = prepare(arguments, accelerator, console, errors)
    cache = None if arguments.no_cache else cache_folder()
    measuring = Measuring(accelerator, weights, arguments.at_once, arguments.force, cache, features)
    execute(jobs, measuring, console)
    if accelerator.is_main_process:
        print_runs([(job.path, read_record(job.path)) for job in jobs], console)
        if arguments.explain:
            tokenizers = cast(Sequence[TokenizerJob], jobs)  # which the arguments' check sees to
            for explanation in explain_all(tokenizers, variants, measuring, command, console):
                built = explain_tables.tables(explanation)
                explain_tables.show(built, explain_tables.LEGEND, [explanation], console)
    return 0
