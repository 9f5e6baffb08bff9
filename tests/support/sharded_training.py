"""Some steps of a model under a data-parallel wrapper: `python sharded_training.py WRAPPER RANK RANKS STORE OUTPUT`."""

import datetime
import sys
import warnings

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FullyShardedDataParallel, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

from quantizers import Quantizer, create_quantizer

METHODS = {
    "vq": {},
    "vq-cosine": {},
    "diveq": {"variance": 0.0},
    "lgq": {},
    "multi-scale": {"scales": (1, 2, 4)},
    "vq-ema": {},
    "rq": {"base": "vq", "codes_per_position": 2},
    "pq": {"base": "vq"},
}

SIZE, DIM, STEPS = 25, 8, 4
"""An odd number of codes, so that no two ranks hold as many."""


def model_of(name: str, **options: object) -> nn.Sequential:
    torch.manual_seed(0)
    quantizer = create_quantizer(name, dim=DIM, codebook_size=SIZE, **METHODS[name], **options)
    return nn.Sequential(nn.Conv2d(3, DIM, 1), quantizer).train()


def train(module: nn.Module, rank: int, ranks: int, rate: float = 0.1) -> None:
    """Of a global batch that is another at every step, this rank's part."""
    optimizer = torch.optim.SGD([*module.parameters(), torch.zeros(1)], rate)
    for step in range(STEPS):
        generator = torch.Generator().manual_seed(step)
        pictures = torch.randn(4, 3, 8, 8, generator=generator) + step
        out = module(pictures.chunk(ranks)[rank])
        (out.quantized.square().mean() + out.loss).backward()
        optimizer.step()
        optimizer.zero_grad()


def state(module: nn.Module) -> dict[str, Tensor]:
    found = {name: value.detach() for name, value in module.state_dict().items()}
    return {
        name: (value.full_tensor() if hasattr(value, "full_tensor") else value).cpu() for name, value in found.items()
    }


def sharded(name: str, rank: int, ranks: int, *, inner: bool = False, rate: float = 0.1, **options: object) -> object:
    model = model_of(name)
    mesh = init_device_mesh("cpu", (ranks,))
    if inner:
        fully_shard(model[1], mesh=mesh, **options)
    fully_shard(model, mesh=mesh, **options)
    train(model, rank, ranks, rate)
    return state(model)


def flat(name: str, rank: int, ranks: int, *, orig: bool, **options: object) -> object:
    module = FullyShardedDataParallel(model_of(name, **options), use_orig_params=orig, device_id=torch.device("cpu"))
    try:
        train(module, rank, ranks)
    except RuntimeError as error:
        return str(error)
    return "trained"


def loaded_by_the_first(name: str, rank: int, ranks: int) -> object:
    """The checkpoint is read by one rank; the wrapper, with PyTorch's defaults, tells the others."""
    trained, model = model_of(name), model_of(name)
    for part in trained.modules():
        if isinstance(part, Quantizer):
            part.start(torch.randn(64, part.dim)) if name != "multi-scale" else part(torch.randn(4, part.dim, 4, 4))
            break
    if rank == 0:
        model.load_state_dict(trained.state_dict())
    module = DistributedDataParallel(model)
    needs_start = [part.needs_start for part in model.modules() if isinstance(part, Quantizer)]
    train(module, rank, ranks)
    return needs_start, state(model)


def main(wrapper: str, rank: int, ranks: int, store: str, output: str) -> None:
    warnings.simplefilter("ignore")
    dist.init_process_group(
        "gloo", f"file://{store}", rank=rank, world_size=ranks, timeout=datetime.timedelta(seconds=60)
    )
    if wrapper == "ddp":
        found = {name: loaded_by_the_first(name, rank, ranks) for name in METHODS}
    elif wrapper == "fsdp1":
        off = {"kmeans_iterations": 0, "dead_threshold": 0.0}
        found = {
            (name, orig, kept): flat(name, rank, ranks, orig=orig, **({} if kept else off))
            for name in ("vq", "vq-ema")
            for orig in (True, False)
            for kept in (True, False)
        }
    else:
        found = {name: sharded(name, rank, ranks) for name in METHODS}
        found["inner"] = sharded("vq", rank, ranks, inner=True)
        found["offload"] = sharded("vq", rank, ranks, offload_policy=CPUOffloadPolicy(pin_memory=False))
        found["bfloat16"] = sharded(
            "vq", rank, ranks, rate=0.0, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16)
        )
    if rank == 0:
        torch.save(found, output)
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
