"""One balanced step on one of several ranks: `python balanced_rank_step.py RANK RANKS STORE OUTPUT`."""

import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from autoencoders import Balancer


def main(rank: int, ranks: int, store: str, output: str) -> None:
    if ranks > 1:
        dist.init_process_group("gloo", f"file://{store}", rank=rank, world_size=ranks)
    torch.manual_seed(0)
    net, sounds = nn.Conv1d(1, 1, 3, padding=1), torch.randn(4, 1, 20)
    balancer = Balancer({"time": 1.0, "power": 2.0})
    wrapped = DistributedDataParallel(net) if ranks > 1 else net
    part = sounds.chunk(ranks)[rank]
    made = wrapped(part)
    losses = {"time": (made - part).abs().mean(), "power": made.square().mean()}
    (balancer(losses, made) + net.weight.square().sum()).backward()
    # The losses are means over a rank's part: their gradients, and so the norms, are those of the whole times ranks.
    torch.save({"weight": net.weight.grad, "bias": net.bias.grad, "norms": balancer.norms / ranks}, output)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
