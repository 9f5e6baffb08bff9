"""The PatchGAN discriminator over space and time: that of pictures with 3-D convolutions, as Ge et al. 2022 (TATS,
arXiv:2204.03638) have it."""

from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.discriminator import GlobalBatchNorm2d, initialise, patch_layers


class GlobalBatchNorm3d(GlobalBatchNorm2d):
    """The same of films, whose frames count as so much more height."""

    def forward(self, input: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        return super().forward(input.flatten(2, 3)).view_as(input)


class PatchDiscriminator3d(nn.Module):
    """Films (B, in_channels, T, H, W) to one logit per overlapping patch, (B, 1, t, h, w), positive for real.

    `layers` convolutions of 3 frames × 4 × 4 pixels at stride 2, doubling the width up to eight times `width`, one at
    stride 1, and the logit. It judges any number of frames, one included; sides must be at least 3 · 2^layers. Weights
    start as N(0, 0.02), norms as N(1, 0.02).
    """

    def __init__(self, layers: int = 3, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        self.smallest_side = 3 * 2**layers
        self.main = patch_layers(nn.Conv3d, GlobalBatchNorm3d, (3, 4, 4), layers, width, in_channels)
        self.apply(initialise)

    def forward(self, films: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b 1 t h w"]:
        if min(films.shape[-2:]) < self.smallest_side:
            height, width = films.shape[-2:]
            raise ValueError(
                f"the discriminator needs sides of at least {self.smallest_side} pixels, "
                f"got {height} × {width}; give it fewer layers."
            )
        return self.main(films)
