#!/usr/bin/env bash
# From 2^17 codes on, the batch entropy of vector-quantize-pytorch's LFQ has next to no gradient near even use.
#
# Versions: torch 2.13.0, vector-quantize-pytorch 1.32.0
# Expected: the entropy of the mean distribution, up to 18 log 2 = 12.48 for 18 bits, and its gradient.
# Seen: probabilities are raised to 1e-5 inside the logarithm (pull request 85 there, against NaN in half precision).
#   An even share of 2^17 codes is below that: the logarithm is then a constant, the entropy stops at -log 1e-5 = 11.51,
#   and the gradient is what that constant leaves of it. At 16 bits, still above, it is nearly right:
#     16 bits: entropy 11.0726, exact 11.0729; gradient 1.1 of the exact one
#     18 bits: entropy 11.5129, exact 12.4587; gradient 0.00065 of the exact one
# Hurts: who trains with 17 bits and more (MAGVIT-v2 has 18) while assignments are soft, by small latents or a small
#   `inv_temperature`, or with 10^5 rows and more: the term that should spread the codes does next to nothing.
# Instead: several codebooks of fewer bits (`num_codebooks`), or the entropy by bits, where the distribution is a
#   product of them.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 vector-quantize-pytorch==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from vector_quantize_pytorch import LFQ


def exact(rows, codebook):
    mean = (2 * rows @ codebook.T).softmax(-1).mean(0)
    return -(mean * mean.log()).sum()


shares = {}
for bits in (16, 18):
    torch.manual_seed(0)
    quantizer, rows = LFQ(codebook_size=2**bits), (0.1 * torch.randn(1, 32, bits)).requires_grad_()
    _, losses = quantizer(rows, inv_temperature=1.0, return_loss_breakdown=True)
    (gradient,) = torch.autograd.grad(losses.batch_entropy, rows)
    precise = rows[0].detach().double().requires_grad_()
    entropy = exact(precise, quantizer.codebook.double())
    (expected,) = torch.autograd.grad(entropy, precise)
    shares[bits] = (gradient.norm() / expected.norm()).item()
    print(
        f"{bits} bits: entropy {losses.batch_entropy:.4f}, exact {entropy:.4f}; "
        f"gradient {shares[bits]:.2g} of the exact one"
    )
sys.exit(0 if shares[16] > 0.9 and shares[18] < 0.01 else 1)
PYTHON
