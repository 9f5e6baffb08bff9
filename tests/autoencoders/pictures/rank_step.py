"""One step of both players on one of several ranks: `python rank_step.py RANK RANKS STORE OUTPUT`."""

import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from autoencoders import VQGAN, LossConfig, PatchDiscriminator, VQGANConfig, VQGANLoss
from quantizers import create_quantizer


def main(rank: int, ranks: int, store: str, output: str) -> None:
    if ranks > 1:
        dist.init_process_group("gloo", f"file://{store}", rank=rank, world_size=ranks)
    torch.manual_seed(0)
    config = VQGANConfig(16, width=16, multipliers=(1, 2), blocks=1, attention_resolutions=(), z_channels=8)
    tokenizer = VQGAN(config, create_quantizer("fsq", bits=10))
    discriminator = PatchDiscriminator(layers=2, width=8)
    loss = VQGANLoss(LossConfig(perceptual="ms-ssim", gan_start=0))
    images = (torch.rand(8, 3, 16, 16) * 2 - 1).chunk(ranks)[rank]
    wrap = DistributedDataParallel if ranks > 1 else lambda module: module
    generator, critic = wrap(tokenizer), wrap(discriminator)

    made = generator(images)
    step = loss.generator(
        images,
        made.reconstruction,
        made.loss,
        step=0,
        discriminator=critic,
        last_layer=tokenizer.last_layer,
    )
    step.total.backward()
    assert all(parameter.grad is None for parameter in discriminator.parameters())
    loss.discriminator(images, made.reconstruction, critic).total.backward()
    result = {"adaptive_weight": step.terms["adaptive_weight"]}
    for name, module in (("tokenizer", tokenizer), ("discriminator", discriminator)):
        result |= {f"{name}.{key}.grad": parameter.grad for key, parameter in module.named_parameters()}
        result |= {f"{name}.{key}": buffer for key, buffer in module.named_buffers()}
    torch.save(result, output)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
