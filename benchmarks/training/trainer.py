"""Training a tokenizer: reconstruction, perceptual, adversarial and quantizer losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from autoencoders import TokenizerOutput, TrainableTokenizer
from benchmarks.training.loop import TrainingError, TrainingLoop, watched
from benchmarks.training.settings import Settings
from benchmarks.training.signals import signal_of
from quantizers import QuantizerOutput
from quantizers.distributed import sum_over_ranks, world_size

Given = TypeVar("Given")
Made = TypeVar("Made")

STARTING_ITEMS = 512
"""On whose latents the quantizer of a training starts that it comes to late: 8 vectors for each of 1,024 codes at 16
positions an item."""

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""By the number of axes."""


class Trainer(TrainingLoop[Tensor]):
    """Trains one tokenizer in place, on batches as the data of its signal give them.

    Args:
        tokenizer: The model, as `autoencoders` defines its interface.
        settings: Loss and training settings, and the signal.
        seed: Seeds the noise of the training (data and initial weights are the caller's).
        accelerator: From `make_accelerator`.
        run: The run's id; a checkpoint of another run is refused.
        recall: This process's share of some batches again, from a step on and how many: the quantizer of a training
            that it comes to late starts on them. Without it that starts on the first batch that it meets.
        content: Digest of the training data's content; a checkpoint of another is refused.
        weights: Digest of the weights that the tokenizer starts from; a checkpoint on others is refused.
    """

    def __init__(
        self,
        tokenizer: TrainableTokenizer,
        settings: Settings,
        seed: int,
        accelerator: Accelerator,
        run: str,
        recall: Callable[[int, int], Iterable[Tensor]] | None = None,
        content: str | None = None,
        weights: str | None = None,
    ) -> None:
        super().__init__(settings.train, accelerator, run, content, weights)
        train = settings.train
        self.signal = signal_of(settings)
        self.tokenizer: TrainableTokenizer = _channels_last(tokenizer.to(self.device)).train()
        self.loss = self.signal.make_loss(settings).to(self.device)
        self.discriminator = self.loss.make_discriminator()
        self.average = (
            AveragedModel(self.tokenizer, multi_avg_fn=get_ema_multi_avg_fn(train.weight_ema))
            if train.weight_ema
            else None
        )
        if train.compile:
            self.tokenizer.compile_blocks()
        self.model, self.optimizer = accelerator.prepare(self.tokenizer, self._adam(self.tokenizer))
        if self.discriminator is not None:
            self.critic, self.critic_optimizer = accelerator.prepare(self.discriminator, self._adam(self.discriminator))
        self.quantizer_start = settings.quantizer_start
        self.recall = recall if settings.deferred or settings.start else None
        self._seed(seed)

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(module.parameters(), lr=0.0, betas=self.train.betas)

    @property
    def _averaged(self) -> TrainableTokenizer:
        """The weight average, or the model itself."""
        return self.tokenizer if self.average is None else cast(TrainableTokenizer, self.average.module)

    def evaluated(self) -> TrainableTokenizer:
        """The model to evaluate and store: the weight average, or the model itself, in eval mode."""
        return self._averaged.to(memory_format=torch.contiguous_format).eval()

    def reconstruct(self, batch: Tensor) -> Float[Tensor, "b c *extent"]:
        """What the model to evaluate would make of a batch if the training ended now, on the CPU; before its
        quantizers are there, what it makes of it without."""
        model = self._averaged
        with watched(model, self.device):
            for quantizer, trained in zip(model.quantizers, self.tokenizer.quantizers, strict=True):
                quantizer.deferred = trained.deferred
                quantizer.train(trained.deferred)  # those in eval mode quantize all the same
            return model(self.signal.to_float(batch, self.device)).reconstruction.float().cpu()

    def _train_step(self, batch: Tensor) -> None:
        """One optimizer step of the tokenizer, and one of the discriminator once it plays."""
        self._set_learning_rate(self.optimizer, *([self.critic_optimizer] if self.discriminator else []))
        self._set_quantizers()
        originals = self.signal.to_float(batch, self.device)
        reconstruction = self._train_generator(originals)
        if self.discriminator is not None and self.loss.gan_active(self.step):
            self._train_discriminator(originals, reconstruction)
        if self.average is not None:
            self.average.update_parameters(self.tokenizer)

    def _set_quantizers(self) -> None:
        """Where in the training they are: not yet there, just started, or on the way."""
        begin = self.quantizer_start
        for quantizer in self.tokenizer.quantizers:
            quantizer.deferred = self.step < begin
            quantizer.anneal(max(0, self.step - begin) / (self.train.steps - begin))
        if self.step == begin and self.recall is not None:
            self._start_quantizers(self.recall)

    @torch.no_grad()
    def _start_quantizers(self, recall: Callable[[int, int], Iterable[Tensor]]) -> None:
        """Show each quantizer at once what it would have been given of the last pictures."""
        quantizers = self.tokenizer.quantizers
        count = min(self.train.steps, -(-STARTING_ITEMS // self.train.batch_size))
        latents: list[list[Tensor]] = [[] for _ in quantizers]
        for quantizer in quantizers:
            quantizer.deferred = True
        hooks = [
            quantizer.register_forward_pre_hook(lambda _, given, kept=kept: kept.append(given[0]))
            for quantizer, kept in zip(quantizers, latents, strict=True)
        ]
        for batch in recall(max(0, self.step - count), count):
            self.tokenizer(self.signal.to_float(batch, self.device))
        for hook in hooks:
            hook.remove()
        for quantizer, kept in zip(quantizers, latents, strict=True):
            quantizer.deferred = False
            quantizer(torch.cat(kept))

    def _train_generator(self, originals: Tensor) -> Tensor:
        """One step of encoder, quantizers and decoder; the reconstruction."""
        reconstruction = self._descend(originals) if self.train.accumulation == 1 else self._descend_by_part(originals)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return reconstruction

    def _descend(self, originals: Tensor) -> Tensor:
        """Leave the gradients of a batch that passes as one, and return its reconstruction."""
        out: TokenizerOutput = self._forward(self.model, originals)
        self.accelerator.backward(self._generator_loss(originals, out))
        self._collect(out.stats)
        return out.reconstruction.detach()

    def _descend_by_part(self, originals: Tensor) -> Tensor:
        """The same, with the activations of one part at a time.

        The quantizers see the latents of the whole batch, so that their statistics, batch entropies and starts are
        those of a batch that passes as one. Their backward pass, and the encoder's, begin once the gradients of all
        decoded parts are there; the encoder runs twice for that (Gao et al. 2021, arXiv:2101.06983, section 3).
        """
        parts = self.train.accumulation
        with self.tokenizer.in_parts(parts):
            outputs = self._forward(self.tokenizer.quantize, originals)
        leaves = [output.quantized.detach().requires_grad_() for output in outputs]
        chunks = [
            [
                QuantizerOutput(quantized, codes, output.loss.detach(), output.stats)
                for quantized, codes in zip(leaf.chunk(parts), output.codes.chunk(parts), strict=True)
            ]
            for leaf, output in zip(leaves, outputs, strict=True)
        ]
        reconstructions = []
        for some, *given in zip(originals.chunk(parts), *chunks, strict=True):
            out: TokenizerOutput = self._forward(self.tokenizer.finish, given)
            self.accelerator.backward(self._generator_loss(some, out))
            reconstructions.append(out.reconstruction.detach())
        self._collect(out.stats)
        weight = self.loss.config.codebook_weight
        weight *= 1.0 if self.accelerator.scaler is None else self.accelerator.scaler.get_scale()
        losses = [output.loss for output in outputs if output.loss.requires_grad]
        torch.autograd.backward(
            [*(output.quantized for output in outputs), *losses],
            [*(leaf.grad for leaf in leaves), *(torch.full_like(loss, weight) for loss in losses)],
        )
        self._average_gradients()
        return torch.cat(reconstructions)

    def _forward(self, network: Callable[[Given], Made], given: Given) -> Made:
        try:
            with self.accelerator.autocast():
                return network(given)
        except ValueError as error:
            raise TrainingError(f"step {self.step + 1}: the forward pass failed: {error}") from error

    def _average_gradients(self) -> None:
        """What DDP does in a backward pass of its own forward pass."""
        gradients = [parameter.grad for parameter in self.tokenizer.parameters() if parameter.grad is not None]
        for gradient, total in zip(gradients, sum_over_ranks(gradients), strict=True):
            gradient.copy_(total / world_size())

    def _generator_loss(self, originals: Tensor, out: TokenizerOutput) -> Tensor:
        with self.accelerator.autocast():
            total, terms = self.loss.generator(
                originals,
                out.reconstruction,
                out.loss,
                step=self.step,
                discriminator=self.discriminator,
                last_layer=self.tokenizer.last_layer,
                log_scale=out.log_scale,
            )
        self._require_finite(terms)
        self._collect(terms)
        return total

    def _train_discriminator(self, originals: Tensor, reconstruction: Tensor) -> None:
        parts = self.train.accumulation
        for real, fake in zip(originals.chunk(parts), reconstruction.chunk(parts), strict=True):
            with self.accelerator.accumulate(self.critic):
                with self.accelerator.autocast():
                    total, terms = self.loss.discriminator(real, fake, self.critic)
                self._require_finite(terms)
                self.accelerator.backward(total)
                self.critic_optimizer.step()
                self.critic_optimizer.zero_grad()
                self._collect(terms)

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        parts = {"tokenizer": self.tokenizer, "optimizer": self.optimizer, "average": self.average}
        if self.discriminator is not None:
            parts |= {"discriminator": self.discriminator, "critic_optimizer": self.critic_optimizer}
        if self.loss.state_dict():  # averages of a balancer
            parts["loss"] = self.loss
        if self.accelerator.scaler is not None:
            parts["scaler"] = self.accelerator.scaler
        return {name: part for name, part in parts.items() if part is not None}


def _channels_last(tokenizer: TrainableTokenizer) -> TrainableTokenizer:
    """With the same numbers in another order in memory, in which convolutions are faster: those of pictures and of
    films, which one network may both have."""
    for tensor in (*tokenizer.parameters(), *tokenizer.buffers()):
        if tensor.ndim in CHANNELS_LAST:
            tensor.data = tensor.data.to(memory_format=CHANNELS_LAST[tensor.ndim])
    return tokenizer
