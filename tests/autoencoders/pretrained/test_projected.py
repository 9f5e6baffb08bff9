"""Quantizers between linear layers, and weights as lengths and directions."""

import pytest
import torch
import torch.nn.functional as F

from autoencoders.pretrained.projected import DirectionVQ, FactorizedVQ
from autoencoders.pretrained.weight_norm import DIRECTION, LENGTH, merged_weights, split_weights
from quantizers import create_quantizer

FACTORIZED = "autoencoders.pretrained.projected:FactorizedVQ"


def test_the_nearest_direction_is_chosen_at_its_own_length() -> None:
    quantizer = DirectionVQ(2, 3).eval()
    with torch.no_grad():
        quantizer.codebook.vectors.copy_(torch.tensor([[5.0, 0.0], [0.0, 0.1], [-3.0, -3.0]]))
    output = quantizer(torch.tensor([[[1.0, 0.2, -9.0], [0.9, 4.0, -8.0]]]))
    assert output.codes.tolist() == [[[0, 1, 2]]]
    assert torch.equal(output.quantized[0], torch.tensor([[5.0, 0.0, -3.0], [0.0, 0.1, -3.0]]))


def test_latents_are_coded_in_few_channels_and_the_gradient_goes_straight_through() -> None:
    torch.manual_seed(0)
    quantizer = FactorizedVQ(dim=6, codebook_size=8, codebook_dim=2)
    latents = torch.randn(2, 6, 5, requires_grad=True)
    output = quantizer(latents)
    projected = quantizer.project_in(latents.movedim(1, -1))
    cosines = F.normalize(projected, dim=-1) @ F.normalize(quantizer.quantizer.codebook.vectors, dim=-1).T
    assert torch.equal(output.codes[:, 0], cosines.argmax(-1))
    assert torch.equal(quantizer.decode(output.codes), output.quantized)
    output.quantized.sum().backward()
    assert torch.equal(latents.grad, torch.ones_like(latents))


def test_residuals_of_it_are_coded_in_half_precision_by_the_same_weights() -> None:
    torch.manual_seed(0)
    options = {"shared": False, "codes_per_position": 3, "dim": 6, "codebook_size": 8, "codebook_dim": 2}
    quantizer = create_quantizer("rq", base=FACTORIZED, **options).eval()
    latents = torch.randn(2, 6, 5).bfloat16()
    half = quantizer.bfloat16()(latents)
    single = quantizer.float()(latents.float())
    assert torch.equal(half.codes, single.codes)
    assert torch.equal(half.quantized, single.quantized.bfloat16())


@pytest.mark.parametrize("shape", [(4, 3, 7), (4, 3)])
def test_split_weights_are_merged_again(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape)
    given = {"a.conv.weight": weight, "b.weight": torch.ones(3, 2), "a.conv.bias": torch.ones(4)}
    split = split_weights(given, r"\.conv")
    assert split.keys() == {f"a.conv.{LENGTH}", f"a.conv.{DIRECTION}", "b.weight", "a.conv.bias"}
    assert split[f"a.conv.{LENGTH}"].flatten().tolist() == pytest.approx(weight.flatten(1).norm(dim=1).tolist())
    split[f"a.conv.{DIRECTION}"] = 3 * weight  # only its direction counts
    merged = merged_weights(split, r"\.conv")
    assert merged.keys() == given.keys()
    torch.testing.assert_close(merged["a.conv.weight"], weight)


def test_what_does_not_fit_is_left_for_the_model_to_refuse() -> None:
    odd = {
        f"a.conv.{LENGTH}": torch.ones(3, 1),
        f"a.conv.{DIRECTION}": torch.ones(4, 2),
        f"b.conv.{DIRECTION}": torch.ones(4, 2),
        "c.conv.weight": torch.ones(4, 2, dtype=torch.int64),
        "d.conv.weight": torch.ones(()),
        f"e.conv.{LENGTH}": torch.ones(4, 1).to(torch.float8_e4m3fn),
        f"e.conv.{DIRECTION}": torch.ones(4, 2),
    }
    assert merged_weights(split_weights(odd, r"\.conv"), r"\.conv").keys() == odd.keys()
