#!/usr/bin/env bash
# `noise_var` of the package diveq, documented as a variance, is its noise's standard deviation.
#
# Versions: torch 2.13.0, diveq 0.1.3, vector-quantize-pytorch 1.32.0
# Expected: noise of variance 0.01, that is of deviation 0.1, for `DIVEQ(noise_var=0.01)`; so it is with
#   `directional_reparam` of vector-quantize-pytorch, which has the same method.
# Seen: the number goes to torch.distributions.Normal, whose second argument is the deviation. Measured by how far
#   outputs are turned away from the code, at distance 1 in 16 dimensions:
#     diveq: deviation 0.010, variance 0.0001, for a variance of 0.01
#     vector-quantize-pytorch: deviation 0.102, variance 0.0103, for a variance of 0.01
# Hurts: who brings a variance from a paper or from the other package: at 10^-3 the noise is 32 times too small, and the
#   forward pass nearly deterministic. Who compares the packages at equal settings compares two methods.
# Instead: give the square root of the variance that is meant.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 diveq==0.1.3 vector-quantize-pytorch==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from diveq import DIVEQ
from vector_quantize_pytorch.vector_quantize_pytorch import directional_reparam

VARIANCE, DIM = 0.01, 16
torch.manual_seed(0)
rows = torch.zeros(100_000, DIM)
rows[:, 0] = 1  # the nearest code is the origin, at distance 1 along the first axis
quantizer = DIVEQ(num_embeddings=2, embedding_dim=DIM, noise_var=VARIANCE, codebook_reset=False)
with torch.no_grad():
    quantizer.codebook.copy_(torch.stack([torch.zeros(DIM), torch.full((DIM,), 100.0)]))


def deviation(outputs):
    """Of the noise across the way to the code, in units of that way."""
    error = outputs.detach() - rows
    return (error[:, 1:] / -error[:, :1]).std().item()


found = {
    "diveq": deviation(quantizer(rows)[0]),
    "vector-quantize-pytorch": deviation(directional_reparam(rows, torch.zeros_like(rows), VARIANCE)),
}
for name, value in found.items():
    print(f"{name}: deviation {value:.3f}, variance {value**2:.4f}, for a variance of {VARIANCE}")
sys.exit(0 if found["diveq"] < 0.02 and 0.08 < found["vector-quantize-pytorch"] < 0.12 else 1)
PYTHON
