#!/usr/bin/env bash
# A mask that hides nothing makes the commitment loss of a cosine VectorQuantize hundreds of times as large.
#
# Versions: torch 2.13.0, vector-quantize-pytorch 1.32.0
# Expected: with `mask` all True the loss is the one without a mask.
# Seen: without a mask the code is compared with the normalised input that was looked up; with one, with the input as it
#   came. Codes have norm 1, so the loss then measures how far the input's norm is from 1:
#     Euclidean: 26.1619 without a mask, 26.1619 with one that is all True
#     cosine: 0.0651 without a mask, 24.1674 with one that is all True
#     cosine, input normalised: 0.0651 without a mask, 0.0651 with one that is all True
# Hurts: who trains on sequences of unequal lengths with `use_cosine_sim=True`: the loss shrinks the encoder's output,
#   and its weight means something else than in a run without padding. (With `codebook_dim` other than `dim`, a mask
#   ends in an error about sizes for the same reason.)
# Instead: normalise the input yourself before the quantizer; then both are equal.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 vector-quantize-pytorch==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch.nn.functional import normalize
from vector_quantize_pytorch import VectorQuantize

everything = torch.ones(2, 100, dtype=torch.bool)


def losses(cosine, rows):
    torch.manual_seed(0)
    quantizer = VectorQuantize(dim=8, codebook_size=64, use_cosine_sim=cosine, freeze_codebook=True)
    return quantizer(rows)[2].item(), quantizer(rows, mask=everything)[2].item()


torch.manual_seed(1)
rows = 5 * torch.randn(2, 100, 8)
found = {
    "Euclidean": losses(False, rows),
    "cosine": losses(True, rows),
    "cosine, input normalised": losses(True, normalize(rows, dim=-1)),
}
for name, (plain, masked) in found.items():
    print(f"{name}: {plain:.4f} without a mask, {masked:.4f} with one that is all True")
ratios = {name: masked / plain for name, (plain, masked) in found.items()}
others = [ratio for name, ratio in ratios.items() if name != "cosine"]
sys.exit(0 if ratios["cosine"] > 10 and all(abs(ratio - 1) < 1e-3 for ratio in others) else 1)
PYTHON
