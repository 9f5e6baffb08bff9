#!/usr/bin/env bash
# Codes of a VectorQuantize with `affine_param` or `vq_bridge` decode to other vectors than it quantized to.
#
# Versions: torch 2.13.0, vector-quantize-pytorch 1.32.0
# Expected: in eval mode `get_output_from_indices(indices)` gives the quantized vectors that came with the indices, as
#   it does without these options.
# Seen: forward moves and scales the codebook (`affine_param`) or sends it through a network (`vq_bridge`) before it
#   looks up codes; decoding looks them up in the codebook as stored. Mean squared errors:
#     neither: decoded from quantized 0.0000 (quantized from the input 4.0097)
#     affine_param: decoded from quantized 6.7741 (quantized from the input 3.9869)
#     vq_bridge: decoded from quantized 0.0580 (quantized from the input 9.9695)
# Hurts: who trains a prior on the codes, or stores pictures as codes: the decoder gets latents that it has never seen,
#   without a word.
# Instead: decode from the codebook that forward uses: `quantizer.vq_bridge(codebook)[codes]`, or for `affine_param`
#   (codebook - codebook_mean) * sqrt(batch_variance / codebook_variance) + batch_mean, all of `quantizer._codebook`, as
#   they were when the codes were made: forward moves the batch's two in eval mode too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 vector-quantize-pytorch==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn
from torch.nn.functional import mse_loss
from vector_quantize_pytorch import VectorQuantize


def error(**options):
    torch.manual_seed(0)
    quantizer = VectorQuantize(dim=8, codebook_size=64, **options)
    for _ in range(50):
        quantizer(3 * torch.randn(1, 1000, 8) + 1)
    quantizer.eval()
    rows = 3 * torch.randn(1, 1000, 8) + 1
    with torch.no_grad():
        quantized, codes, _ = quantizer(rows)
        return mse_loss(quantizer.get_output_from_indices(codes), quantized).item(), mse_loss(quantized, rows).item()


found = {}
for name, options in {
    "neither": {},
    "affine_param": {"affine_param": True},
    "vq_bridge": {"vq_bridge": nn.Linear(8, 8)},
}.items():
    found[name], quantization = error(**options)
    print(f"{name}: decoded from quantized {found[name]:.4f} (quantized from the input {quantization:.4f})")
sys.exit(0 if found["neither"] < 1e-9 and found["affine_param"] > 0.1 and found["vq_bridge"] > 0.01 else 1)
PYTHON
