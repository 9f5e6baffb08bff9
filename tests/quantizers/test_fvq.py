"""The transformer over the codebook, against torch's own layers and a peer."""

import pytest
import torch
from torch import nn
from vector_quantize_pytorch import VectorQuantize

from quantizers import create_quantizer
from quantizers.fvq import VQBridge
from quantizers.testing import CHECKS


def spread():
    """A quantizer whose codes have left the common point that they start from."""
    torch.manual_seed(0)
    quantizer = create_quantizer("fvq", dim=4, codebook_size=64, hidden_dim=16, patch_size=8)
    nn.init.normal_(quantizer.codebook.table)
    nn.init.normal_(quantizer.codebook.bridge.recover.weight)
    return quantizer


@pytest.fixture
def quantizer():
    return spread()


def torchs_bridge(bridge, vectors, dim):
    """The same from torch's encoder layer, in float64: its norms start as the identity, as those without weights."""
    patches = vectors.reshape(-1, bridge.patch_size * dim)
    tokens = patches @ bridge.compress.weight.T + bridge.compress.bias
    for block in bridge.blocks:
        width = tokens.shape[1]
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0, activation=nn.GELU("tanh"), norm_first=True, layer_norm_eps=1e-6
        ).double()
        layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias = block.query_key_value.parameters()
        layer.self_attn.out_proj, layer.linear1, layer.linear2 = block.project, block.mlp[0], block.mlp[2]
        tokens = layer(tokens.unsqueeze(1)).squeeze(1)
    normalised = (tokens - tokens.mean(1, keepdim=True)) / (tokens.var(1, correction=0, keepdim=True) + 1e-6).sqrt()
    return (normalised @ bridge.recover.weight.T + bridge.recover.bias).reshape(vectors.shape)


@pytest.mark.parametrize("patch_size", [1, 3])
def test_the_bridge_is_torchs_transformer(patch_size):
    torch.manual_seed(0)
    bridge = VQBridge(5, patch_size=patch_size, hidden_dim=8, depth=2).double()
    for parameter in bridge.parameters():
        nn.init.normal_(parameter, std=0.5)
    vectors = torch.randn(12, 5, dtype=torch.float64)
    torch.testing.assert_close(bridge(vectors), torchs_bridge(bridge, vectors, 5))


def test_all_codes_start_at_zero_and_leave_it_together():
    torch.manual_seed(0)
    quantizer = create_quantizer("fvq", dim=4, codebook_size=64, hidden_dim=16)
    assert torch.equal(quantizer.codebook(), torch.zeros(64, 4))
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-3)
    for _ in range(400):
        out = quantizer(1 + torch.randn(256, 4))
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
    assert out.stats["usage"] > 0.8
    assert out.stats["commitment"] < 0.25  # of a variance of 1, and a second moment of 2 at the start


def test_a_loss_on_one_code_moves_every_code(quantizer):
    before = quantizer.codebook().detach()
    (gradient,) = torch.autograd.grad(quantizer.codebook()[7].sum(), quantizer.codebook.table)
    assert (gradient.abs().amax(1) > 0).all()
    optimizer = torch.optim.Adam(quantizer.parameters(), 1e-3)
    quantizer.codebook()[7].sum().backward()
    optimizer.step()
    assert ((quantizer.codebook() - before).abs().amax(1) > 1e-4).all()


def test_codes_values_and_loss_are_the_peers(quantizer):
    bridge = quantizer.codebook.bridge

    class OneHead(nn.Module):
        def forward(self, vectors):
            return bridge(vectors[0]).unsqueeze(0)

    peer = VectorQuantize(dim=4, codebook_size=64, vq_bridge=OneHead(), rotation_trick=False, commitment_weight=0.25)
    peer._codebook.embed.data[0].copy_(quantizer.codebook.table.detach())
    z = 10 * torch.randn(300, 4)
    quantized, codes, commitment = peer(z.unsqueeze(0))
    out = quantizer(z)
    assert torch.equal(out.codes.squeeze(1), codes[0])
    torch.testing.assert_close(out.quantized, quantized[0])
    torch.testing.assert_close(0.25 * out.stats["commitment"], commitment.squeeze().detach())
    torch.testing.assert_close(out.loss, 1.25 * out.stats["commitment"])  # eq. 3 of VQ-VAE: both terms are equal


def test_the_loss_reaches_the_table_and_the_bridge(quantizer):
    quantizer(torch.randn(100, 4)).loss.backward()
    for name, parameter in quantizer.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_its_vectors_make_a_plain_vq_of_the_same_codes(quantizer):
    plain = create_quantizer("vq", dim=4, codebook_size=64, kmeans_iterations=0).eval()
    plain.codebook.vectors.data.copy_(quantizer.codebook())
    z = 5 * torch.randn(2, 4, 5, 5)
    assert torch.equal(plain(z).codes, quantizer.eval()(z).codes)
    assert torch.equal(plain(z).quantized, quantizer(z).quantized)


@pytest.mark.parametrize(("bits", "expected"), [(2, 4), (4, 16), (12, 16), (14, 16), (16, 64), (18, 64)])
def test_codes_per_token(bits, expected):
    quantizer = create_quantizer("fvq", bits=bits, dim=2, hidden_dim=4)
    assert quantizer.codebook.bridge.patch_size == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codebook_size": 100}, "patch_size must divide codebook_size=100, got 16"),
        ({"patch_size": 0}, "patch_size must be an integer"),
        ({"hidden_dim": 6}, "hidden_dim must be a multiple of 4, got 6"),
        ({"depth": 0}, "depth must be an integer from 1"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        create_quantizer("fvq", **options)


@pytest.mark.parametrize("check", ["decode", "idempotence", "float64", "autocast", "state-dict", "two-ranks"])
def test_the_contract_holds_once_the_codes_are_apart(check):
    CHECKS[check].run(spread)
