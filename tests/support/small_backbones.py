"""Every backbone at a size that costs nothing, for pictures of 32 pixels."""

from autoencoders.pictures.sizes import (
    DVAEConfig,
    PictureBackboneConfig,
    TiTokConfig,
    ViTConfig,
    VQGANConfig,
    VQVAE2Config,
    VQVAEConfig,
)

SMALL: dict[str, PictureBackboneConfig] = {
    "vqgan": VQGANConfig(32, width=8, multipliers=(1, 1), blocks=1, attention_resolutions=(16,), z_channels=4),
    "vqvae": VQVAEConfig(32, width=8, residual_width=4, blocks=1),
    "vqvae2": VQVAE2Config(32, width=8, residual_width=4, blocks=1),
    "vit": ViTConfig(32, width=16, layers=1, heads=2),
    "1d": TiTokConfig(32, width=16, layers=1, heads=2, latent_tokens=4),
    "dvae": DVAEConfig(32, width=8, multipliers=(1, 1), blocks=1, z_channels=4),
}
