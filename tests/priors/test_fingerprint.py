"""A fingerprint changes with whatever changes codes, and with nothing else."""

import copy
from dataclasses import replace

import pytest
import torch

from autoencoders import VQGAN, BlockMean, ViTConfig, VQGANConfig, create_tokenizer
from priors.fingerprint import fingerprint
from quantizers import create_quantizer

SMALL = VQGANConfig(image_size=16, width=8, multipliers=(1, 1), blocks=1, z_channels=4, attention_resolutions=())


def small(config: VQGANConfig = SMALL, quantizer: str = "fsq", seed: int = 0, **options: object) -> VQGAN:
    torch.manual_seed(seed)
    options = options or {"levels": (8, 5)}
    return VQGAN(config, create_quantizer(quantizer, **options))


def test_equal_tokenizers_have_equal_fingerprints() -> None:
    one = small()
    known = fingerprint(one)
    assert len(known) == 64
    assert fingerprint(small()) == known == fingerprint(copy.deepcopy(one)) == fingerprint(one.eval())
    other = small(seed=1)
    other.load_state_dict(one.state_dict())
    assert fingerprint(other) == known


def test_how_it_computes_changes_nothing() -> None:
    assert fingerprint(small(replace(SMALL, gradient_checkpointing=True))) == fingerprint(small())


@pytest.mark.parametrize("name", ["encoder.conv_in.weight", "decoder.conv_out.bias", "quant_conv.bias"])
def test_any_weight_changes_it(name: str) -> None:
    one = small()
    known = fingerprint(one)
    with torch.no_grad():
        one.get_parameter(name).view(-1)[0] += 1e-6
    assert fingerprint(one) != known


def test_the_quantizer_changes_it() -> None:
    """Also where it has no weights: the order of levels, its method, the size of the blocks."""
    assert len({fingerprint(small(levels=levels)) for levels in ((8, 5), (5, 8))}) == 2
    assert len({fingerprint(small(quantizer=name, bits=4)) for name in ("lfq", "bsq")}) == 2
    assert fingerprint(BlockMean(8)) != fingerprint(BlockMean(4))
    vq = small(quantizer="vq-ema", dim=2, codebook_size=8)
    known = fingerprint(vq)
    dict(vq.named_buffers())["quantizer.codebook.vectors"].view(-1)[0] += 1
    assert fingerprint(vq) != known


def test_sizes_that_leave_no_trace_in_weights_change_it() -> None:
    """Heads of attention."""
    made = []
    for heads in (1, 2):
        torch.manual_seed(0)
        config = ViTConfig(image_size=16, patch_size=8, width=16, layers=1, heads=heads)
        made.append(create_tokenizer(config, [create_quantizer("fsq", levels=(8, 5))]))
    assert made[0].state_dict().keys() == made[1].state_dict().keys()
    assert fingerprint(made[0]) != fingerprint(made[1])
