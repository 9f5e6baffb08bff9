import pytest
import torch

from autoencoders import BlockMean
from autoencoders.block_mean import ColorQuantizer
from quantizers.testing import check_quantizer


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_codes_are_the_rounded_means(stride: int) -> None:
    pictures = torch.randint(0, 256, (4, 3, 16, 24), generator=torch.Generator().manual_seed(0))
    (codes,) = BlockMean(stride).encode(pictures / 127.5 - 1)
    assert codes.dtype == torch.int64
    assert codes.shape == (4, 3, 16 // stride, 24 // stride)
    sums = pictures.unfold(2, stride, stride).unfold(3, stride, stride).sum((-1, -2))
    assert (2 * (stride**2 * codes - sums).abs()).max() <= stride**2  # |code - mean| <= 1/2, in integers


def test_reconstruction_is_flat_within_a_block_and_decodes_from_codes() -> None:
    model, images = BlockMean(4), torch.rand(2, 3, 8, 8) * 2 - 1
    reconstruction, (codes,), *_ = model(images)
    blocks = reconstruction.unfold(2, 4, 4).unfold(3, 4, 4)
    assert torch.equal(blocks, blocks[..., :1, :1].expand_as(blocks))
    assert torch.equal(((reconstruction[:, :, ::4, ::4] + 1) * 127.5).round().long(), codes)
    torch.testing.assert_close(model.decode([codes]), reconstruction)


@pytest.mark.slow
def test_its_quantizer_keeps_the_contract_also_compiled() -> None:
    check_quantizer(ColorQuantizer)


def test_its_quantizer_is_eight_bits_per_channel() -> None:
    model = BlockMean(2)
    quantizer = model.quantizer
    assert (quantizer.dim, quantizer.codebook_size, quantizer.codes_per_position) == (3, 256, 3)
    assert quantizer.bits_per_position == 24
    assert not list(model.parameters())
    z = torch.linspace(-1.2, 1.2, 60).reshape(4, 3, 5)
    output = quantizer(z)
    assert output.codes.min() == 0
    assert output.codes.max() == 255
    assert output.loss == 0


def test_wrong_sizes() -> None:
    with pytest.raises(ValueError, match="multiples of the stride 8, got 12 × 16"):
        BlockMean(8).encode(torch.zeros(1, 3, 12, 16))
    with pytest.raises(ValueError, match="stride must be at least 1"):
        BlockMean(0)
