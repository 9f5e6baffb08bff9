#!/usr/bin/env bash
# A DAC of descript-audio-codec starts from other convolutions than its code initialises: ten times as large, the first.
#
# Versions: torch 2.8.0, torchaudio 2.8.0, descript-audio-codec 1.0.0
# Expected: `DAC()` applies `init_weights` to all its parts, so that convolutions start from a normal distribution of
#   standard deviation 0.02 (`dac/model/dac.py`). transformers' `DacModel` starts so.
# Seen: they have a weight norm (`torch.nn.utils.weight_norm`), and `weight`, which is written to, is made anew of
#   `weight_g` and `weight_v` before each use. Of the first convolution:
#     standard deviation of its weights: 0.021 before the first forward pass, 0.219 in it and after
# Hurts: who trains one, or compares trainings: this one starts from PyTorch's own weights, one with transformers' from
#   those written down; who reads `weight` before the first forward pass, and finds what is not used.
# Instead: to start as written, set `weight_v` and, to its filters' norms, `weight_g`. To start as the authors' models
#   did, leave PyTorch's weights in other implementations.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.8.0 torchaudio==2.8.0 descript-audio-codec==1.0.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from dac import DAC

torch.manual_seed(0)
model = DAC()
first = model.encoder.block[0]
before = first.weight.std().item()
with torch.no_grad():
    model.encoder(torch.zeros(1, 1, 512))
after = first.weight.std().item()
print(f"standard deviation of its weights: {before:.3f} before the first forward pass, {after:.3f} in it and after")
sys.exit(0 if before < 0.03 and after > 0.1 else 1)
PYTHON
