"""Training a tokenizer: reconstruction, perceptual, adversarial and quantizer losses, resumable at any step.

One `Trainer` is one run on any number of processes (Accelerate sees to devices, mixed precision and DDP). Its
result depends on the settings and the seed alone: the k-th image of a run is a function of (seed, k), the learning
rate one of the step, and a checkpoint holds all the rest, random states included.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, gather_object
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from autoencoders import TokenizerOutput, TrainableTokenizer, VQGANLoss
from benchmarks.checkpoint import CheckpointError, Tree, load_tree, save_tree
from benchmarks.config import Settings, TrainConfig


class TrainingError(RuntimeError):
    """A training that cannot go on; the message names the step and the cause."""


class TrainingStopped(Exception):
    """The user asked to stop; the run is saved and the same command goes on with it."""


def make_accelerator(train: TrainConfig, cpu: bool = False) -> Accelerator:
    """The process group, device and precision of a command's runs."""
    return Accelerator(
        cpu=cpu,
        mixed_precision=train.precision,
        gradient_accumulation_steps=train.accumulation,
        # Quantizers keep their buffers equal on all ranks by themselves.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def learning_rate(train: TrainConfig, step: int) -> float:
    """Adam's rate at a step: a linear rise from 0, then half a cosine down to `final_rate` of the peak."""
    peak = train.learning_rate * train.batch_size
    warmup = round(train.warmup * train.steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, train.steps - warmup)
    return peak * (train.final_rate + (1 - train.final_rate) * 0.5 * (1 + math.cos(math.pi * progress)))


def to_pictures(batch: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, 3, H, W) -> float in [-1, 1] on the device."""
    return batch.to(device, non_blocking=True).float() / 127.5 - 1


@dataclass(frozen=True)
class Progress:
    """What a run says of itself now and then: means of its loss terms and statistics, and its speed."""

    step: int
    values: dict[str, float]
    images_per_second: float


class Trainer:
    """Trains one tokenizer in place.

    Args:
        tokenizer: The model, as `autoencoders` defines its interface.
        settings: Loss and training settings, and the image size.
        seed: Seeds the noise of the training (data and initial weights are the caller's).
        accelerator: From `make_accelerator`.
        run: The run's id; a checkpoint of another run is refused.
    """

    def __init__(
        self, tokenizer: TrainableTokenizer, settings: Settings, seed: int, accelerator: Accelerator, run: str
    ) -> None:
        train = settings.train
        share, rest = divmod(train.batch_size, accelerator.num_processes * train.accumulation)
        if rest or not share:
            raise ValueError(
                f"train.batch_size {train.batch_size} does not divide into {accelerator.num_processes} process(es) "
                f"x {train.accumulation} part(s)"
            )
        self.train, self.run, self.accelerator = train, run, accelerator
        self.device = accelerator.device
        self.tokenizer: TrainableTokenizer = tokenizer.to(self.device).train()
        self.loss = VQGANLoss(settings.loss).to(self.device)
        self.discriminator = self.loss.make_discriminator()
        self.average = (
            AveragedModel(self.tokenizer, multi_avg_fn=get_ema_multi_avg_fn(train.weight_ema))
            if train.weight_ema
            else None
        )
        if train.compile:
            self.tokenizer.compile_blocks()
        self.model, self.optimizer = accelerator.prepare(self.tokenizer, self._adam(self.tokenizer))
        self.players = [self.model]
        if self.discriminator is not None:
            self.critic, self.critic_optimizer = accelerator.prepare(self.discriminator, self._adam(self.discriminator))
            self.players.append(self.critic)
        self.step = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self._forget_interval()
        torch.manual_seed(seed * 4096 + accelerator.process_index)

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(module.parameters(), lr=0.0, betas=self.train.betas)

    def evaluated(self) -> TrainableTokenizer:
        """The model to evaluate and store: the weight average, or the model itself, in eval mode."""
        model = self.tokenizer if self.average is None else cast(TrainableTokenizer, self.average.module)
        return model.eval()

    def fit(
        self,
        batches: Iterator[Tensor],
        checkpoint: Path | None = None,
        every: int = 100,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train from the present step to the last one.

        Args:
            batches: This process's share of each batch from the present step on, uint8 (B, 3, H, W).
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
            self._train_step(to_pictures(batch, self.device))
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

    def _train_step(self, images: Tensor) -> None:
        """One optimizer step of the tokenizer, and one of the discriminator once it plays."""
        for optimizer in (self.optimizer, *([self.critic_optimizer] if self.discriminator else [])):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.train, self.step)
        for quantizer in self.tokenizer.quantizers:
            quantizer.anneal(self.step / self.train.steps)
        for part in images.chunk(self.train.accumulation):
            with self.accelerator.accumulate(*self.players):
                self._train_part(part)
        if self.average is not None:
            self.average.update_parameters(self.tokenizer)

    def _train_part(self, images: Tensor) -> None:
        try:
            out: TokenizerOutput = self.model(images)
        except ValueError as error:
            raise TrainingError(f"step {self.step + 1}: the forward pass failed: {error}") from error
        with self.accelerator.autocast():
            total, terms = self.loss.generator(
                images,
                out.images,
                out.loss,
                step=self.step,
                discriminator=self.discriminator,
                last_layer=self.tokenizer.last_layer,
                log_scale=out.log_scale,
            )
        self._require_finite(terms)
        self.accelerator.backward(total)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.discriminator is not None and self.loss.gan_active(self.step):
            with self.accelerator.autocast():
                total, critic_terms = self.loss.discriminator(images, out.images, self.critic)
            self._require_finite(critic_terms)
            self.accelerator.backward(total)
            self.critic_optimizer.step()
            self.critic_optimizer.zero_grad()
            terms = terms | critic_terms
        self._collect(terms | out.stats)

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
        self._interval: dict[str, float] = {"parts": 0, "seconds": 0.0}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def _collect(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, torch.zeros((), device=self.device)) + value.detach().float()
            self._counts[name] = self._counts.get(name, 0) + 1
        self._interval["parts"] += 1

    def _log(self) -> Progress:
        values = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        images = self._interval["parts"] / self.train.accumulation * self.train.batch_size
        speed = images / self._interval["seconds"]
        self.seconds += self._interval["seconds"]
        self._forget_interval()
        self.history.append({"step": self.step, "images_per_second": speed, **values})
        return Progress(self.step, values, speed)

    def save(self, path: Path) -> None:
        """Store everything that `load` needs to go on exactly; called on all processes, written by the first."""
        random_states: list[Tree] = gather_object([self._random_state()])
        if self.accelerator.is_main_process:
            tree = {name: part.state_dict() for name, part in self._parts().items()}
            counters = {"step": self.step, "seconds": self.seconds, "history": self.history}
            interval = {"interval": self._interval, "sums": self._sums, "counts": self._counts}
            save_tree(path, {"run": self.run, "random": random_states, **counters, **interval, **tree})
        self.accelerator.wait_for_everyone()

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same run.

        Raises:
            CheckpointError: damaged, of another run, or made with another number of processes.
        """
        tree = load_tree(path)
        if tree.get("run") != self.run:
            raise CheckpointError(f"{path} belongs to the run {tree.get('run')}, not to {self.run}; delete it")
        if len(tree["random"]) != self.accelerator.num_processes:
            raise CheckpointError(
                f"{path} was made with {len(tree['random'])} process(es), not {self.accelerator.num_processes}; "
                "go on with as many, or delete it to start this run from its beginning"
            )
        for name, part in self._parts().items():
            part.load_state_dict(tree[name])
        for name in ("step", "seconds", "history"):
            setattr(self, name, tree[name])
        self._interval, self._counts = tree["interval"], tree["counts"]
        self._sums = {name: value.to(self.device) for name, value in tree["sums"].items()}
        self._set_random_state(tree["random"][self.accelerator.process_index])

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        parts = {"tokenizer": self.tokenizer, "optimizer": self.optimizer, "average": self.average}
        if self.discriminator is not None:
            parts |= {"discriminator": self.discriminator, "critic_optimizer": self.critic_optimizer}
        if self.accelerator.scaler is not None:
            parts["scaler"] = self.accelerator.scaler
        return {name: part for name, part in parts.items() if part is not None}

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
