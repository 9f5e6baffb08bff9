#!/usr/bin/env bash
# LFQ of vector-quantize-pytorch divides its batch entropy by the number of processes instead of taking it over them.
#
# Versions: torch 2.13.0, vector-quantize-pytorch 1.32.0
# Expected: under torch.distributed `batch_entropy` is that of the mean distribution over all processes, the same
#   number on each: the code calls an all-reduce and divides by the number of processes.
# Seen: the all-reduce of torch.distributed.nn gives its sum back and leaves its argument as it was, and the result is
#   dropped. Each process takes the entropy of its own distribution divided by W, which is (own entropy + log W) / W:
#     rank 0: 3.0922, own 5.4912, of both 5.5233
#     rank 1: 3.1015, own 5.5098, of both 5.5233
# Hurts: who trains LFQ or ResidualLFQ on W processes: the term that spreads codes is of one process's rows and W times
#   weaker than the one that sharpens them, so that a weight that was found on one GPU is another one on eight.
# Instead: multiply `diversity_gamma` by W, which mends the weight though not whose rows are counted; or take the
#   entropy yourself from logits gathered over the processes, with `entropy_loss_weight=0`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 vector-quantize-pytorch==1.32.0
cat > "$folder/check.py" <<'PYTHON'
import math
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing import spawn

WORLD = 2


def entropy(rows, codebook):
    """Of the mean distribution over all codes, in float64."""
    logits = 2 * 100 * rows.double() @ codebook.double().T
    mean = logits.softmax(-1).mean(0)
    return -(mean * mean.log()).sum().item()


def work(rank, folder):
    warnings.simplefilter("ignore")  # that torch.distributed.nn is old
    from vector_quantize_pytorch import LFQ

    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD)
    torch.manual_seed(rank)
    quantizer, rows = LFQ(codebook_size=256), 0.01 * torch.randn(1, 512, 8)
    _, losses = quantizer(rows, return_loss_breakdown=True)
    everyone = [torch.empty_like(rows) for _ in range(WORLD)]
    dist.all_gather(everyone, rows)
    found, own = losses.batch_entropy.item(), entropy(rows[0], quantizer.codebook)
    both = entropy(torch.cat(everyone, 1)[0], quantizer.codebook)
    Path(folder, f"{rank}").write_text(f"rank {rank}: {found:.4f}, own {own:.4f}, of both {both:.4f}")
    divided = math.isclose(found, (own + math.log(WORLD)) / WORLD, rel_tol=1e-4)
    dist.destroy_process_group()
    sys.exit(0 if divided else 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        try:
            spawn(work, (folder,), nprocs=WORLD)
            code = 0
        except Exception:
            code = 1
        for rank in range(WORLD):
            print(Path(folder, f"{rank}").read_text())
    sys.exit(code)
PYTHON
"$folder/venv/bin/python" "$folder/check.py"
