"""Others' networks for sound with random weights, and files of them."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn


@torch.no_grad()
def randomize(model: nn.Module, gain: float = 1.5) -> nn.Module:
    """Weights at a size at which a mistake shows: no bias of 0, no scale of 1, and codes that are used."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if name.endswith("alpha") or name.endswith(("norm.weight", "scale")):
            parameter.uniform_(0.5, 1.5)
        elif name.endswith("codebook.weight"):
            parameter.normal_()
        elif name.endswith("bias"):
            parameter.normal_(0, 0.1)
        elif name.endswith("original0"):
            parameter.uniform_(0.7 * gain, 1.3 * gain)
        elif parameter.ndim > 1:
            parameter.normal_(0, gain / parameter[0].numel() ** 0.5)
    for name, buffer in model.named_buffers():
        if name.endswith(("embed", "embed_avg", "embed_sum")):
            buffer.normal_(0, 0.3)
        elif name.endswith("cluster_usage"):
            buffer.uniform_(0, 2)
    return model.eval()


def saved(model: nn.Module, folder: Path, rename: Callable[[str], str] | None = None) -> Path:
    """A transformers model's own file; with `rename` one by `torch.save` under other names."""
    if rename is None:
        model.save_pretrained(folder)
        return folder / "model.safetensors"
    path = folder / "model.pth"
    torch.save({rename(name): tensor for name, tensor in model.state_dict().items()}, path)
    return path
