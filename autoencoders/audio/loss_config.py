"""What distances of spectrograms look at, and terms and weights of the training loss for sound.

Apart from both: to read them needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MinLen

from autoencoders.ranges import Place, Size, Weight, check_ranges


@dataclass(frozen=True)
class SpectralSettings:
    """What a distance of spectrograms looks at. The defaults are what the Descript Audio Codec is measured by."""

    windows: Annotated[tuple[Size, ...], MinLen(1)] = (2048, 512)
    """Samples of the window at each scale; frames are a quarter of it apart."""
    power: Weight = 2.0
    """Of the magnitudes, inside the logarithm."""
    floor: Weight = 1e-5
    """Of the magnitudes, inside the logarithm; what is less is as little."""
    log_weight: Weight = 1.0
    """Of the difference of the logarithms."""
    magnitude_weight: Weight = 1.0
    """Of the difference of the magnitudes themselves."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if min(self.windows) < 4:
            raise ValueError(f"windows must be of at least 4 samples, got {self.windows}.")


@dataclass(frozen=True)
class MelSettings(SpectralSettings):
    """The same of mel spectrograms. The defaults are what the Descript Audio Codec is measured by."""

    bands: Annotated[tuple[Size, ...], MinLen(1)] = (150, 80)
    """Of each scale; from 0 Hz to half the sample rate, by Slaney's scale, each of equal area."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.bands) != len(self.windows):
            raise ValueError(f"bands must be as many as the {len(self.windows)} windows, got {len(self.bands)}.")


MEASURED_STFT = SpectralSettings()
MEASURED_MEL = MelSettings()

AudioGAN = Literal["hinge", "least-squares"]


@dataclass(frozen=True)
class AudioLossConfig:
    """Terms and weights of the loss. The defaults are EnCodec's."""

    waveform_weight: Weight = 0.1
    """Of the mean absolute difference of the samples."""
    mel_weight: Weight = 1.0
    """Of the distance of mel spectrograms, summed over its scales."""
    mel_windows: Annotated[tuple[Size, ...], MinLen(1)] = (32, 64, 128, 256, 512, 1024, 2048)
    """Samples of the window at each scale; frames are a quarter of it apart."""
    mel_bands: Annotated[tuple[Size, ...], MinLen(1)] = (5, 10, 20, 40, 80, 160, 320)
    """Mel bands of each scale."""
    mel_magnitude_weight: Weight = 1.0
    """Of the difference of the magnitudes, beside that of their logarithms."""
    gan: Literal[AudioGAN, "none"] = "hinge"
    """Adversarial loss, and with it how features are compared: hinge as EnCodec, least-squares as DAC."""
    gan_weight: Weight = 3.0
    """Of the adversarial loss."""
    feature_weight: Weight = 3.0
    """Of the difference of the discriminators' features."""
    gan_start: Place = 0
    """Step from which the discriminators are trained and count."""
    discriminators: Literal["stft", "period-band"] = "stft"
    """stft: EnCodec's, of spectrograms at several scales. period-band: DAC's."""
    discriminator_width: Size = 32
    """Channels after their first convolutions."""
    balanced: bool = True
    """Whether weights are shares of the gradient, as in EnCodec, or factors of the losses. The quantizer's loss is not
    balanced."""
    codebook_weight: Weight = 1.0
    """Of the quantizer's loss."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if not (self.waveform_weight or self.mel_weight):
            raise ValueError("one of waveform_weight and mel_weight must be above 0: nothing else holds the sound.")
        _ = self.mel

    @property
    def mel(self) -> MelSettings:
        """What the distance of mel spectrograms looks at."""
        return MelSettings(
            self.mel_windows, power=1.0, magnitude_weight=self.mel_magnitude_weight, bands=self.mel_bands
        )
