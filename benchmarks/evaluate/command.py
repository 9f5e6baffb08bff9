"""What `python -m benchmarks.evaluate` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import cast

from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import require_writable
from benchmarks.data import DataConfig, EvaluationData, open_evaluation_data
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.explained import chosen_variants, explain_all
from benchmarks.evaluate.job import Job, TokenizerJob
from benchmarks.evaluate.measure import Measuring, execute
from benchmarks.evaluate.pictures import pictures_job
from benchmarks.evaluate.published import published_job
from benchmarks.evaluate.trained import trained_jobs
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.references import cache_folder
from benchmarks.records.record import read_record
from benchmarks.tables import variants as explain_tables
from benchmarks.tables.stored import print_runs
from benchmarks.training.in_step import in_turn
from benchmarks.training.loop import make_accelerator
from benchmarks.training.settings import TrainConfig

IN_MEMORY = 2**26
"""Bytes of crops that stay in memory at most; more are decoded again: memory does not grow with their number."""


def prepare(arguments: Arguments, accelerator: Accelerator, console: Console, errors: Console) -> Sequence[Job]:
    """Everything that can be found wrong is found here, before the first evaluation.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    require_writable(arguments.output)

    @cache
    def open_pictures(size: int) -> EvaluationData:
        config = DataConfig(str(arguments.data), size, root=arguments.root, limit_test=arguments.limit)
        open_part_of = partial(open_evaluation_data, config, arguments.part, budget=IN_MEMORY)
        data = in_turn("the pictures", open_part_of, accelerator)
        console.print(escape(data.words), soft_wrap=True, highlight=False)
        return data

    if arguments.model is not None:
        return [published_job(arguments, open_pictures, errors)]
    if arguments.reference is not None and arguments.reconstruction is not None:
        return [pictures_job(arguments, arguments.reference, arguments.reconstruction, errors)]
    return trained_jobs(arguments, open_pictures, errors)


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
    jobs = prepare(arguments, accelerator, console, errors)
    cache = None if arguments.no_cache else cache_folder()
    measuring = Measuring(accelerator, weights, arguments.batch_size, arguments.force, cache)
    execute(jobs, measuring, console)
    if accelerator.is_main_process:
        print_runs([(job.path, read_record(job.path)) for job in jobs], console)
        if arguments.explain:
            tokenizers = cast(Sequence[TokenizerJob], jobs)  # which the arguments' check sees to
            for explanation in explain_all(tokenizers, variants, measuring, command, console):
                built = explain_tables.tables(explanation)
                explain_tables.show(built, explain_tables.LEGEND, [explanation], console)
    return 0
