"""The beam of residual quantization: against all sums, and in use."""

import pytest
import torch

from quantizers import create_quantizer


def made(base="vq-ema", depths=3, shared=True, **options):
    """In float64; the codebook of each depth is random and smaller than the last."""
    torch.manual_seed(0)
    quantizer = create_quantizer(
        "rq", base=base, codes_per_position=depths, shared=shared, dim=3, codebook_size=12, **options
    ).double()
    for depth, layer in enumerate(quantizer.layers):
        layer.codebook.vectors.data.normal_(std=2.0**-depth)
    return quantizer


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
def test_a_full_beam_finds_the_nearest_of_all_sums(shared):
    quantizer = made("vq", 3, shared, beam=144).eval()  # 12^2 sums of the first two depths
    rows = torch.randn(200, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    vectors = [quantizer.layer(depth).codebook() for depth in range(3)]
    sums = vectors[0][:, None, None] + vectors[1][None, :, None] + vectors[2]
    nearest = torch.cdist(rows, sums.flatten(0, 2)).amin(1)
    found = (rows - quantizer(rows).quantized).norm(dim=1)
    torch.testing.assert_close(found, nearest, rtol=0, atol=1e-12)
    greedy = (rows - made("vq", 3, shared).eval()(rows).quantized).norm(dim=1)
    assert (greedy > nearest + 1e-6).any()


def test_a_wider_beam_is_nearer_and_decodes_to_what_it_says():
    rows = torch.randn(500, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    errors = []
    for beam in (1, 2, 4, 8):
        quantizer = made("vq-ema", 4, beam=beam).eval()
        out = quantizer(rows)
        assert torch.equal(quantizer.decode(out.codes), out.quantized)
        errors.append((rows - out.quantized).square().mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.9 * errors[0]


def test_a_beam_is_the_same_in_parts_and_is_left_out_in_training(monkeypatch):
    rows = torch.randn(300, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    greedy, beam = made("vq", 3), made("vq", 3, beam=4)
    assert torch.equal(greedy(rows).codes, beam(rows).codes)
    whole = beam.eval()(rows)
    assert not torch.equal(greedy.eval()(rows).codes, whole.codes)
    monkeypatch.setattr("quantizers.rq.BEAM_NUMBERS", 7 * 4**2 * 3)
    monkeypatch.setattr("quantizers.search.TILE_CODES", 5)
    monkeypatch.setattr("quantizers.search.FEW_SCORES", 15)
    assert torch.equal(beam(rows).codes, whole.codes)
    residual = rows - beam.truncated(2)(rows).quantized
    assert residual.square().mean() > (rows - whole.quantized).square().mean()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"beam": 0}, "beam must be"), ({"beam": 2, "base": "fsq"}, "beam must be 1 with base 'fsq'")],
)
def test_impossible_beams(options, said):
    with pytest.raises(ValueError, match=said):
        create_quantizer("rq", **options)
