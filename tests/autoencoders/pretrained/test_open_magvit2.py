"""Open-MAGVIT2 tokenizers by the names of SEED-Voken, and the network of its source (src/Open_MAGVIT2).

The network is in modules/diffusionmodules/improved_model.py, the quantizer in modules/vqvae/lookup_free_quantize.py.
"""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from authors_networks import (
    Shapes,
    Tensors,
    block,
    block_shapes,
    conv,
    conv_shapes,
    load_published,
    norm_shapes,
    random_tensors,
    save,
    swish_norm,
    with_averages,
)
from torch import Tensor

from autoencoders.pretrained import WeightsError, open_magvit2, picture_zoo
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.open_magvit2 import OpenMAGVIT2, load_open_magvit2


def shapes_of(bits: int, multipliers: tuple[int, ...], blocks: int) -> Shapes:
    widths = [128 * multiplier for multiplier in multipliers]
    last, coarsest = len(widths) - 1, widths[-1]
    shapes = conv_shapes("encoder.conv_in", 3, 128, bias=False) | conv_shapes("decoder.conv_in", bits, coarsest)
    for level, after in enumerate(widths):
        finer, coarser = (128, *widths)[level], widths[min(level + 1, last)]
        for part, before in (("encoder.down", finer), ("decoder.up", coarser)):
            for index in range(blocks):
                shapes |= block_shapes(f"{part}.{level}.block.{index}", after if index else before, after, bias=False)
        if level < last:
            shapes |= conv_shapes(f"encoder.down.{level}.downsample", after, after)
        if level > 0:
            shapes |= conv_shapes(f"decoder.up.{level}.upsample.conv1", after, 4 * after)
        for linear in ("gamma", "beta"):
            name = f"decoder.adaptive.{level}.{linear}"
            shapes |= {f"{name}.weight": (coarser, bits), f"{name}.bias": (coarser,)}
    for part, final in (("encoder", coarsest), ("decoder", widths[0])):
        for index in range(blocks):
            shapes |= block_shapes(f"{part}.mid_block.{index}", coarsest, coarsest, bias=False)
        shapes |= norm_shapes(f"{part}.norm_out", final)
    return shapes | conv_shapes("encoder.conv_out", coarsest, bits, 1) | conv_shapes("decoder.conv_out", widths[0], 3)


def blocks_in(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    index = 0
    while f"{name}.{index}.conv1.weight" in tensors:
        x = block(tensors, f"{name}.{index}", x)
        index += 1
    return x


def encode(tensors: Tensors, images: Tensor, levels: int) -> Tensor:
    h = conv(tensors, "encoder.conv_in", images)
    for level in range(levels):
        h = blocks_in(tensors, f"encoder.down.{level}.block", h)
        if level < levels - 1:
            name = f"encoder.down.{level}.downsample"
            h = F.conv2d(h, tensors[f"{name}.weight"], tensors[f"{name}.bias"], stride=2, padding=1)
    h = blocks_in(tensors, "encoder.mid_block", h)
    return conv(tensors, "encoder.conv_out", swish_norm(tensors, "encoder.norm_out", h))


def adaptive(tensors: Tensors, name: str, x: Tensor, codes: Tensor) -> Tensor:
    """A norm without weights of its own; the codes' deviation over positions gives its scale, their mean its shift."""
    batch, dim = codes.shape[:2]
    mean = codes.sum((2, 3)) / codes[0, 0].numel()
    squares = (codes - mean.view(batch, dim, 1, 1)).square().sum((2, 3))
    deviation = (squares / (codes[0, 0].numel() - 1) + 1e-6).sqrt()
    scale = deviation @ tensors[f"{name}.gamma.weight"].T + tensors[f"{name}.gamma.bias"]
    shift = mean @ tensors[f"{name}.beta.weight"].T + tensors[f"{name}.beta.bias"]
    return scale[:, :, None, None] * F.group_norm(x, 32, eps=1e-6) + shift[:, :, None, None]


def depth_to_space(x: Tensor) -> Tensor:
    """Quarter 2 i + j of the channels goes to row i and column j of each 2 x 2 pixels."""
    out = x.new_empty(x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
    for quarter, part in enumerate(x.chunk(4, 1)):
        out[:, :, quarter // 2 :: 2, quarter % 2 :: 2] = part
    return out


def decode(tensors: Tensors, codes: Tensor, levels: int) -> Tensor:
    h = blocks_in(tensors, "decoder.mid_block", conv(tensors, "decoder.conv_in", codes))
    for level in reversed(range(levels)):
        h = adaptive(tensors, f"decoder.adaptive.{level}", h, codes)
        h = blocks_in(tensors, f"decoder.up.{level}.block", h)
        if level:
            h = depth_to_space(conv(tensors, f"decoder.up.{level}.upsample.conv1", h))
    return conv(tensors, "decoder.conv_out", swish_norm(tensors, "decoder.norm_out", h))


@pytest.mark.parametrize("averages", [True, False])
@torch.no_grad()
def test_latents_codes_and_pictures_are_theirs(averages: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    multipliers, blocks, bits = (1, 1, 2), 2, 6
    tensors = random_tensors(shapes_of(bits, multipliers, blocks))
    images = 2 * torch.rand(2, 3, 16, 24, dtype=torch.float64) - 1
    middle = encode(tensors, images, 3).flatten(2).median(2).values.mean(0)
    tensors["encoder.conv_out.bias"] = (tensors["encoder.conv_out.bias"] - middle).float().double()
    latents = encode(tensors, images, 3)  # both signs of every bit are used
    signs = torch.where(latents > 0, 1.0, -1.0).double()
    codes = sum((latents[:, bit] > 0).long() * 2**bit for bit in range(bits))
    reconstruction = decode(tensors, signs, 3)

    path = save(with_averages(tensors) if averages else tensors, tmp_path / "x.ckpt")
    model = load_open_magvit2(path, bits, multipliers, blocks=blocks)
    assert not model.training
    model = model.double()
    torch.testing.assert_close(model.latent(images), latents, rtol=0, atol=1e-10)
    (output,) = model.quantize(images)
    assert torch.equal(output.codes, codes.unsqueeze(1))
    assert codes.unique().numel() > 15
    torch.testing.assert_close(model.decode([output.codes]), reconstruction, rtol=0, atol=1e-10)
    assert reconstruction.std() > 0.1


@pytest.mark.parametrize("published", picture_zoo.OPEN_MAGVIT2, ids=lambda published: published.name)
def test_the_published_models_have_these_names_and_shapes(
    published: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = published.signals.image_size == 128
    codes = int(published.name.rpartition("-")[2])
    shapes = shapes_of(round(math.log2(codes)), (1, 2, 2, 4) if small else (1, 1, 2, 2, 4), blocks=4)
    model = load_published(published, open_magvit2, shapes, monkeypatch)
    assert published.signals.stride == model.strides[0] == (8 if small else 16)
    assert published.codes == str(model.quantizer.codebook_size) == str(codes)
    # the authors' file for the f16 model on ImageNet has 921 MB: these twice, with the averages, in float32
    parameters = {"f8-262144": 112_021_653, "f16-262144": 115_127_829, "f16-16384": 115_094_033}
    size = next(count for end, count in parameters.items() if published.name.endswith(end))
    assert sum(parameter.numel() for parameter in model.parameters()) == size


def test_another_models_file_is_said_to_be_wrong(tmp_path: Path) -> None:
    path = save(with_averages(random_tensors(shapes_of(6, (1, 2), blocks=1))), tmp_path / "x.ckpt")
    with pytest.raises(WeightsError, match=r"of another shape: decoder\.adaptive\.0\.beta\.weight \(256, 6\)"):
        load_open_magvit2(path, 7, (1, 2), blocks=1)
    with pytest.raises(WeightsError, match=r"missing: decoder\.mid\.1\.conv1\.weight, .* and \d+ more$"):
        load_open_magvit2(path, 6, (1, 2), blocks=2)


def test_a_single_position_is_refused() -> None:
    model = OpenMAGVIT2(4, (1, 2), width=32, blocks=1).eval()
    assert model(torch.zeros(1, 3, 2, 4)).reconstruction.isfinite().all()
    with pytest.raises(ValueError, match="at least two positions"):
        model(torch.zeros(1, 3, 2, 2))
