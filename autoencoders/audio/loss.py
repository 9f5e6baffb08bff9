"""The training losses of a codec for sound: waveform, mel spectrograms, adversarial, and the quantizer's own.

EnCodec (Défossez et al. 2022, arXiv:2210.13438, section 3.4) and the Descript Audio Codec (Kumar et al. 2023,
arXiv:2306.06546, section 3.4), by the settings. The distance of mel spectrograms is the latter's for both: absolute
differences of logarithms, where EnCodec has squared ones.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.balancer import Balancer
from autoencoders.audio.discriminators import Discriminators, period_and_band_discriminators, stft_discriminators
from autoencoders.audio.distances import mel_distance, waveform_distance
from autoencoders.audio.gan_loss import audio_discriminator_loss, audio_generator_loss, feature_loss
from autoencoders.audio.loss_config import AudioLossConfig
from autoencoders.losses import Loss, TrainingLoss, frozen


class AudioLoss(TrainingLoss):
    """The losses of both players. It owns no weights to train: the discriminators come as an argument. The balancer's
    averages are in its state dict.

    Args:
        config: Terms and weights.
        sample_rate: Of the sounds, in Hz.
        channels: Of a sound.
    """

    def __init__(self, config: AudioLossConfig, sample_rate: int, channels: int = 1) -> None:
        super().__init__()
        self.config, self.sample_rate, self.channels = config, sample_rate, channels
        playing = config.gan != "none"
        weights = {
            "waveform": config.waveform_weight,
            "mel": config.mel_weight,
            "generator": config.gan_weight * playing,
            "features": config.feature_weight * playing,
        }
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.balancer = Balancer(self.weights) if config.balanced else None

    def make_discriminator(self) -> Discriminators | None:
        """Fresh discriminators of the configured kind; None without a GAN."""
        if self.config.gan == "none":
            return None
        if self.config.discriminators == "stft":
            return stft_discriminators(self.channels, width=self.config.discriminator_width)
        return period_and_band_discriminators(width=self.config.discriminator_width)

    def gan_active(self, step: int) -> bool:
        """Whether the discriminators are trained and count at this step."""
        return not self.weights.keys().isdisjoint(("generator", "features")) and step >= self.config.gan_start

    def generator(
        self,
        original: Float[Tensor, "b c T"],
        reconstruction: Float[Tensor, "b c T"],
        quantizer_loss: Float[Tensor, ""],
        *,
        step: int,
        discriminator: nn.Module | None = None,
        last_layer: Tensor | None = None,
        log_scale: Float[Tensor, "b c T"] | None = None,
    ) -> Loss:
        """Loss of encoder, quantizer and decoder. `last_layer` and `log_scale` are not used.

        Terms: waveform, mel, quantizer, generator, features, total (each where it is in use). The total is that of the
        weights as factors, also where they are shares of the gradient.
        """
        losses = {}
        if "waveform" in self.weights:
            losses["waveform"] = waveform_distance(reconstruction.float(), original.float()).mean()
        if "mel" in self.weights:
            losses["mel"] = mel_distance(reconstruction, original, self.sample_rate, self.config.mel).mean()
        if self.gan_active(step):
            losses |= self._adversarial(original, reconstruction, discriminator, step)
        weighted = torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()
        judged = weighted if self.balancer is None else self.balancer(losses, reconstruction)
        of_codebook = self.config.codebook_weight * quantizer_loss
        _, terms = Loss.of(weighted + of_codebook, {**losses, "quantizer": quantizer_loss})
        return Loss(judged + of_codebook, terms)

    def _adversarial(
        self, original: Tensor, reconstruction: Tensor, discriminator: nn.Module | None, step: int
    ) -> dict[str, Tensor]:
        if discriminator is None or self.config.gan == "none":
            raise ValueError(f"the GAN is active at step {step}: the discriminators must be given.")
        with frozen(discriminator) as critic:
            fake = critic(reconstruction)
            with torch.no_grad():
                real = critic(original)
        losses = {
            "generator": audio_generator_loss(self.config.gan, fake),
            "features": feature_loss(self.config.gan, real, fake),
        }
        return {name: loss for name, loss in losses.items() if name in self.weights}

    def discriminator(
        self, original: Float[Tensor, "b c T"], reconstruction: Float[Tensor, "b c T"], discriminator: nn.Module
    ) -> Loss:
        """Loss of the discriminators, for the steps where `gan_active`; no gradient reaches the tokenizer.

        Terms: discriminator, real, fake (the latter two the mean logits).
        """
        if self.config.gan == "none":
            raise ValueError("there is no GAN, and so no loss of a discriminator.")
        real, fake = discriminator(original), discriminator(reconstruction.detach())
        loss = audio_discriminator_loss(self.config.gan, real, fake)
        means = (torch.stack([each.logits.detach().float().mean() for each in of]).mean() for of in (real, fake))
        return Loss(loss, {"discriminator": loss.detach(), **dict(zip(("real", "fake"), means, strict=True))})
