"""What every training here has in common: steps, progress, checkpoints, and a stop at any moment.

A training is one `TrainingLoop` on any number of processes (Accelerate sees to devices, mixed precision and DDP). Its
result depends on its settings and seed alone: batches are a function of (seed, step), the learning rate one of the
step, and a checkpoint holds all the rest, random states included.
"""

from __future__ import annotations

import logging
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list, gather_object
from torch import Tensor, nn

from benchmarks.records.record import same_content
from benchmarks.training.settings import TrainConfig
from storage.checkpoint import CheckpointError, Tree, load_tree, save_tree
from storage.paths import StrPath

logger = logging.getLogger(__name__)

Batch = TypeVar("Batch")


class TrainingError(RuntimeError):
    """A training that cannot go on; the message names the step and the cause."""


class TrainingStopped(Exception):
    """The user asked to stop; the run is saved and the same command goes on with it."""


def make_accelerator(train: TrainConfig, cpu: bool = False) -> Accelerator:
    """The process group, device and precision of a command's runs."""
    _warn_of_restarts()
    return Accelerator(
        cpu=cpu,
        mixed_precision=train.precision,
        gradient_accumulation_steps=train.accumulation,
        # Quantizers keep their buffers equal on all ranks by themselves.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def _warn_of_restarts() -> None:
    """Say it, once, where processes that torchrun starts again would share a store with those that died: they may find
    their addresses there, and wait for them (pytorch/pytorch, issue 167288)."""
    rank, is_shared, restarts = map(
        os.environ.get, ("RANK", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_MAX_RESTARTS")
    )
    if rank == "0" and is_shared == "True" and restarts != "0":
        logger.warning(
            "after a restart by torchrun the processes may look for each other where the dead ones were, and hang; "
            "start torchrun with TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its environment"
        )


def learning_rate(train: TrainConfig, step: int) -> float:
    """Adam's rate at a step: a linear rise from 0, then half a cosine down to `final_rate` of the peak."""
    peak = train.learning_rate * train.batch_size
    warmup = round(train.warmup * train.steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, train.steps - warmup)
    return peak * (train.final_rate + (1 - train.final_rate) * 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass(frozen=True)
class Progress:
    """What a run says of itself now and then: means of its loss terms and statistics, and its speed."""

    step: int
    values: dict[str, float]
    images_per_second: float


@contextmanager
def watched(model: nn.Module, device: torch.device) -> Iterator[None]:
    """For a look at a model in training: in eval mode for a while, without gradients, and with the noise of the
    training as it was afterwards."""
    with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        model.eval()
        try:
            yield
        finally:
            model.train()


class TrainingLoop(ABC, Generic[Batch]):
    """A training in steps. One implements `_train_step` and `_parts`.

    Args:
        train: How long and how fast.
        accelerator: From `make_accelerator`.
        run: The id of what is trained; a checkpoint of another one is refused.
        content: Digest of what it is trained on; a checkpoint of another is refused.
        weights: Digest of the weights of the stored run that it builds upon; a checkpoint on others is refused.
    """

    def __init__(
        self,
        train: TrainConfig,
        accelerator: Accelerator,
        run: str,
        content: str | None = None,
        weights: str | None = None,
    ) -> None:
        train.part(accelerator.num_processes)
        self.train, self.run, self.accelerator = train, run, accelerator
        self.content, self.weights = content, weights
        self.device = accelerator.device
        self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self._forget_interval()

    def _seed(self, seed: int) -> None:
        """Seed the noise of the training, once all that has initial weights is made."""
        self.seed = seed
        torch.manual_seed(seed * 4096 + self.accelerator.process_index)

    def _seed_anew(self) -> None:
        """Other noise than before, which follows from the seed, the step and the process."""
        entropy = np.random.SeedSequence((self.seed, self.step, self.accelerator.process_index))
        torch.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))

    @abstractmethod
    def _train_step(self, batch: Batch) -> None:
        """One optimizer step, the `step`-th from 0, which calls `_require_finite` and `_collect` for each part."""

    @abstractmethod
    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """What a checkpoint holds besides counters and random states."""

    def _set_learning_rate(self, *optimizers: torch.optim.Optimizer) -> None:
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.train, self.step)

    def fit(
        self,
        batches: Iterator[Batch],
        checkpoint: StrPath | None = None,
        every: int = 100,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train from the present step to the last one.

        Args:
            batches: This process's share of each batch from the present step on.
            checkpoint: File that the state is saved to every `every` steps and on a stop.
            on_progress: Called about a hundred times, on every process.
            stop_requested: Asked after every step; a stop on one process stops all.

        Raises:
            TrainingError: a loss term is not finite. The checkpoint keeps its last good state.
            TrainingStopped: `stop_requested` said so; the state is saved.
        """
        interval = max(1, min(50, self.train.steps // 100))
        before = time.perf_counter()
        for batch in batches:
            self._train_step(batch)
            self.step += 1
            stop = self._any_process(torch.tensor([float(stop_requested())], device=self.device))[0] > 0
            now = time.perf_counter()
            self._interval["seconds"] += now - before
            before = now
            if self.step % interval == 0 or self.step == self.train.steps:
                on_progress(self._log())
            last = self.step == self.train.steps
            if checkpoint is not None and (stop or (self.step % every == 0 and not last)):
                self.save(checkpoint)
            if stop and not last:
                raise TrainingStopped(f"stopped after step {self.step} of {self.train.steps}")

    def _any_process(self, flags: Tensor) -> Tensor:
        """The largest of each flag over all processes, so that they all take the same way."""
        if self.accelerator.num_processes > 1:
            torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX)
        return flags

    def _require_finite(self, terms: dict[str, Tensor]) -> None:
        # One host sync per step; without it a NaN would reach the weights before anyone knew.
        bad = self._any_process(torch.stack([~torch.isfinite(term.detach()) for term in terms.values()]).float())
        names = [name for name, flag in zip(terms, bad.tolist(), strict=True) if flag]
        if names:
            raise TrainingError(
                f"step {self.step + 1}: the loss term {' and '.join(names)} is not finite; "
                "lower train.learning-rate, or use train.precision no or bf16"
            )

    def _forget_interval(self) -> None:
        """Start a new logged interval."""
        self._interval = {"seconds": 0.0}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def _collect(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros((), device=self.device)) + value.detach().float()
            self._counts[name] = self._counts.get(name, 0) + 1

    def _log(self) -> Progress:
        values = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        steps = self.step - (int(self.history[-1]["step"]) if self.history else 0)
        speed = steps * self.train.batch_size / self._interval["seconds"]
        self.seconds += self._interval["seconds"]
        self._forget_interval()
        self.history.append({"step": self.step, "images_per_second": speed, **values})
        return Progress(self.step, values, speed)

    def save(self, path: StrPath) -> None:
        """Store everything that `load` needs to go on exactly; called on all processes, written by the first."""
        random_states: list[Tree] = gather_object([self._random_state()])
        if self.accelerator.is_main_process:
            tree = {name: part.state_dict() for name, part in self._parts().items()}
            counters = {"step": self.step, "seconds": self.seconds, "history": self.history}
            interval = {"interval": self._interval, "sums": self._sums, "counts": self._counts}
            of = {"run": self.run, "content": self.content, "weights": self.weights}
            save_tree(path, {**of, "random": random_states, **counters, **interval, **tree})
        self.accelerator.wait_for_everyone()

    def resume(self, path: StrPath) -> None:
        """Go on from the checkpoint if there is one, which the first process decides for all: without a folder that all
        machines share the others would begin at another step."""
        if broadcast_object_list([Path(path).exists()])[0]:
            self.load(path)

    def load(self, path: StrPath) -> None:
        """Go on from a checkpoint of the same run, exactly.

        On another number of processes the noise, of which each has its own, is seeded anew. All else is that of the
        whole batch: weights, averages, codebooks, the order of the pictures.

        Raises:
            CheckpointError: damaged, of another run, on other data, or upon other weights.
        """
        tree = load_tree(path)
        if tree.get("run") != self.run:
            raise CheckpointError(f"{path} belongs to the run {tree.get('run')}, not to {self.run}; delete it")
        if not same_content(tree.get("content"), self.content):
            raise CheckpointError(
                f"{path} was trained on other data of the same names and sizes; bring them back to go on, or "
                "delete it to start this run from its beginning"
            )
        if not same_content(tree.get("weights"), self.weights):
            raise CheckpointError(
                f"{path} builds upon other weights of a stored run, which was made again since; bring those back to go "
                "on, or delete it to start this run from its beginning"
            )
        for name, part in self._parts().items():
            part.load_state_dict(tree[name])
        for name in ("step", "seconds", "history"):
            setattr(self, name, tree[name])
        self._interval, self._counts = tree["interval"], tree["counts"]
        self._sums = {name: value.to(self.device) for name, value in tree["sums"].items()}
        if len(tree["random"]) == self.accelerator.num_processes:
            self._set_random_state(tree["random"][self.accelerator.process_index])
        else:
            self._seed_anew()

    def _random_state(self) -> Tree:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def _set_random_state(self, state: Tree) -> None:
        torch.set_rng_state(state["cpu"])
        if "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)

    def images_per_second(self) -> float | None:
        """Median speed over the logged intervals, which a pause or a checkpoint does not move."""
        speeds = sorted(entry["images_per_second"] for entry in self.history)
        return speeds[len(speeds) // 2] if speeds else None

    def release(self) -> None:
        """Let the accelerator forget this run's models, so that the next run starts with free memory."""
        self.accelerator.free_memory()
