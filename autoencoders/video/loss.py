"""The training losses of a tokenizer of films: those of pictures on each frame, and of what changes between frames."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor

from autoencoders.pictures.vqgan_loss import VQGANLoss
from autoencoders.video.discriminator import PatchDiscriminator3d
from autoencoders.video.loss_config import FilmLossConfig
from autoencoders.video.temporal_loss import temporal_difference_loss


class FilmLoss(VQGANLoss):
    """The losses of both players, of films (B, C, T, H, W): terms as `VQGANLoss`, reconstruction and perceptual as
    means over frames, and temporal. The discriminator is one of space and time.

    Args:
        config: Terms and weights.
    """

    config: FilmLossConfig

    def __init__(self, config: FilmLossConfig) -> None:
        super().__init__(config)

    def make_discriminator(self, in_channels: int = 3) -> PatchDiscriminator3d | None:  # type: ignore[override]
        """A fresh discriminator of the configured size; None without a GAN."""
        if self.config.gan == "none":
            return None
        return PatchDiscriminator3d(self.config.discriminator_layers, self.config.discriminator_width, in_channels)

    def _fidelity(
        self, original: Tensor, reconstruction: Tensor, log_scale: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        wanted, made = (rearrange(films, "b c t h w -> (b t) c h w") for films in (original, reconstruction))
        loss, terms = super()._fidelity(wanted, made, log_scale)
        if self.config.temporal_weight:
            terms["temporal"] = temporal_difference_loss(reconstruction, original)
            loss = loss + self.config.temporal_weight * terms["temporal"]
        return loss, terms
