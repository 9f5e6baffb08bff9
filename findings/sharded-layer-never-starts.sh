#!/usr/bin/env bash
# Under PyTorch's fully_shard a layer that starts its parameter from the first batch says it has, and has not.
#
# Versions: torch 2.13.0
# Expected: what a layer writes into its own parameter during its first forward pass (ActNorm's scale, a codebook by
#   k-means) is there in the second, as without sharding; or an error says that it cannot be kept.
# Seen: the layer writes into the gathered copy, which is thrown away; the shard keeps the old values. The flag beside
#   it is a buffer, which is not sharded and stays set, so that the layer never starts again. No word is said, and the
#   first output is right. It takes one process. (The documentation says that gathered copies are freed, and nothing of
#   writes.) Deviation of the outputs of a layer that divides by the first batch's:
#     as it is: 1.00 in the first pass, 1.00 in the second; started True, scale [4.85, 5.14, 4.89, 4.99]
#     fully_shard: 1.00 in the first pass, 4.97 in the second; started True, scale [1.0, 1.0, 1.0, 1.0]
# Hurts: who shards a model with data-dependent starts, weights normalised in place or codes that are revived: the
#   training goes on from values that nobody chose, and a loss at the first step shows nothing.
# Instead: let one batch start the layers before `fully_shard`; or keep such values in buffers; or write into the
#   parameter's own shard (`parameter.to_local()`) after the backward pass, when it is a DTensor again.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/python" - "$folder/meet" <<'PYTHON'
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor


class Scale(nn.Module):
    """Divides by the deviations of the first batch that it sees, and learns them from there."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, rows):
        if not self.started:
            with torch.no_grad():
                self.scale.copy_(rows.std(0))
                self.started.fill_(True)
        return rows / self.scale


dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
mesh = init_device_mesh("cpu", (1,))
found = {}
for sharded in (False, True):
    torch.manual_seed(0)
    layer, rows = Scale(), 5 * torch.randn(1000, 4)
    if sharded:
        fully_shard(layer, mesh=mesh)
    outputs = []
    for _ in range(2):
        outputs.append(layer(rows))
        outputs[-1].sum().backward()
    scale = layer.scale.full_tensor() if isinstance(layer.scale, DTensor) else layer.scale
    found[sharded] = [output.std().item() for output in outputs]
    print(
        f"{'fully_shard' if sharded else 'as it is'}: {found[sharded][0]:.2f} in the first pass, "
        f"{found[sharded][1]:.2f} in the second; started {layer.started.item()}, "
        f"scale {[round(value, 2) for value in scale.tolist()]}"
    )
dist.destroy_process_group()
sys.exit(0 if abs(found[False][1] - 1) < 0.01 and abs(found[True][0] - 1) < 0.01 and found[True][1] > 4 else 1)
PYTHON
