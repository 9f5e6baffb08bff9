"""Training a tokenizer: reconstruction, perceptual, adversarial and quantizer losses."""

from __future__ import annotations

from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from autoencoders import TokenizerOutput, TrainableTokenizer, VQGANLoss
from benchmarks.config import Settings
from benchmarks.training_loop import TrainingError, TrainingLoop


def to_pictures(batch: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, 3, H, W) -> float in [-1, 1] on the device."""
    return batch.to(device, non_blocking=True).float() / 127.5 - 1


class Trainer(TrainingLoop[Tensor]):
    """Trains one tokenizer in place, on batches of 8-bit pictures.

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
        super().__init__(settings.train, accelerator, run)
        train = settings.train
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
        self._seed(seed)

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(module.parameters(), lr=0.0, betas=self.train.betas)

    def evaluated(self) -> TrainableTokenizer:
        """The model to evaluate and store: the weight average, or the model itself, in eval mode."""
        model = self.tokenizer if self.average is None else cast(TrainableTokenizer, self.average.module)
        return model.eval()

    def _train_step(self, batch: Tensor) -> None:
        """One optimizer step of the tokenizer, and one of the discriminator once it plays."""
        self._set_learning_rate(self.optimizer, *([self.critic_optimizer] if self.discriminator else []))
        for quantizer in self.tokenizer.quantizers:
            quantizer.anneal(self.step / self.train.steps)
        for part in to_pictures(batch, self.device).chunk(self.train.accumulation):
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

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        parts = {"tokenizer": self.tokenizer, "optimizer": self.optimizer, "average": self.average}
        if self.discriminator is not None:
            parts |= {"discriminator": self.discriminator, "critic_optimizer": self.critic_optimizer}
        if self.accelerator.scaler is not None:
            parts["scaler"] = self.accelerator.scaler
        return {name: part for name, part in parts.items() if part is not None}
