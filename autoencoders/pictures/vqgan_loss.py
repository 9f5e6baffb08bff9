"""The training losses of a VQGAN: reconstruction, perceptual, adversarial and the quantizer's own.

Esser et al. 2021, equations 5 to 7, on the scale of their code: every term is a mean over pixels and
pictures, so that its weight holds at any picture and batch size.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.losses import Loss, TrainingLoss, frozen
from autoencoders.pictures.discriminator import PatchDiscriminator
from autoencoders.pictures.gan_loss import adaptive_weight, discriminator_loss, generator_loss
from autoencoders.pictures.logit_laplace import logit_laplace_loss
from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.perceptual import choose_perceptual, make_perceptual


class VQGANLoss(TrainingLoss):
    """The losses of both players. It owns no weights to train: the discriminator comes as an argument.

    `choice` says which perceptual loss is in use, and why. The frozen LPIPS is no part of the state dict.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.choice = choose_perceptual(config.perceptual, config.lpips_backbone)
        self.perceptual = make_perceptual(self.choice)

    def make_discriminator(self, in_channels: int = 3) -> PatchDiscriminator | None:
        """A fresh discriminator of the configured size; None without a GAN."""
        if self.config.gan == "none":
            return None
        return PatchDiscriminator(self.config.discriminator_layers, self.config.discriminator_width, in_channels)

    def gan_active(self, step: int) -> bool:
        """Whether the discriminator is trained and counts at this step."""
        return self.config.gan != "none" and self.config.gan_weight > 0 and step >= self.config.gan_start

    def generator(
        self,
        original: Float[Tensor, "b c *extent"],
        reconstruction: Float[Tensor, "b c *extent"],
        quantizer_loss: Float[Tensor, ""],
        *,
        step: int,
        discriminator: nn.Module | None = None,
        last_layer: Tensor | None = None,
        log_scale: Float[Tensor, "b c *extent"] | None = None,
    ) -> Loss:
        """Loss of encoder, quantizer and decoder: reconstruction + perceptual + λ · generator + quantizer.

        `last_layer` is the tokenizer's, `discriminator` may be wrapped in DDP; both are needed while
        `gan_active`. `log_scale` is the tokenizer's too, and logit-laplace needs it. No gradient reaches the
        discriminator's weights. Terms: reconstruction, perceptual, quantizer, generator, adaptive_weight, total (each
        where it is in use).
        """
        config = self.config
        picture_loss, terms = self._fidelity(original, reconstruction, log_scale)
        terms["quantizer"] = quantizer_loss
        total = picture_loss + config.codebook_weight * quantizer_loss
        if self.gan_active(step):
            if discriminator is None or last_layer is None:
                raise ValueError(f"the GAN is active at step {step}: discriminator and last_layer must be given.")
            with frozen(discriminator) as critic:
                terms["generator"] = generator_loss(config.gan, critic(reconstruction))
            terms["adaptive_weight"] = adaptive_weight(picture_loss, terms["generator"], last_layer)
            total = total + config.gan_weight * terms["adaptive_weight"] * terms["generator"]
        return Loss.of(total, terms)

    def _fidelity(
        self, original: Tensor, reconstruction: Tensor, log_scale: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What holds a reconstruction to its original, whole and by terms."""
        loss = self._reconstruction(original, reconstruction, log_scale)
        terms = {"reconstruction": loss}
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(reconstruction, original)
            loss = loss + self.config.perceptual_weight * terms["perceptual"]
        return loss, terms

    def _reconstruction(self, original: Tensor, reconstruction: Tensor, log_scale: Tensor | None) -> Tensor:
        if self.config.reconstruction == "logit-laplace":
            if log_scale is None:
                raise ValueError(
                    "the reconstruction loss logit-laplace needs the log_scale of the pixels, which this tokenizer "
                    "does not give: choose l1 or l2, or a backbone whose decoder gives it, such as dvae."
                )
            return logit_laplace_loss(original, reconstruction, log_scale)
        difference = F.l1_loss if self.config.reconstruction == "l1" else F.mse_loss
        return difference(reconstruction.float(), original.float())

    def discriminator(
        self,
        original: Float[Tensor, "b c *extent"],
        reconstruction: Float[Tensor, "b c *extent"],
        discriminator: nn.Module,
    ) -> Loss:
        """Loss of the discriminator, for the steps where `gan_active`; no gradient reaches the tokenizer.

        Terms: discriminator, real, fake (the latter two the mean logits).
        """
        real, fake = discriminator(original), discriminator(reconstruction.detach())
        loss = discriminator_loss(self.config.gan, real, fake)
        return Loss(loss, {"discriminator": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()})
