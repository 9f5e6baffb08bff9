"""Small models of each naming for `hostile_files`: their loaders, files that are right, and faults to put into those.

    python tests/support/hostile_models.py JOBS

loads what the JSON file JOBS lists, [target, path] each, and prints as JSON what came of each and how much the memory
grew, in KiB.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from published_vqgan import LLAMAGEN, TAMING, VAR, Naming, Network, Shapes, conv, random_tensors
from torch import Tensor

from autoencoders import VQGANConfig
from autoencoders.pretrained import (
    WeightsError,
    list_pretrained,
    load_diffusers,
    load_llamagen,
    load_taming,
    load_var,
)

CONFIG = VQGANConfig(image_size=8, width=8, multipliers=(1, 1), blocks=1, attention_resolutions=(4,), z_channels=4)

CONFIG_JSON = {
    "_class_name": "VQModel",
    "block_out_channels": [8, 8],
    "down_block_types": ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
    "up_block_types": ["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 2,
}
"""The same network for diffusers."""

SMALL: dict[str, Callable[[Path], object]] = {
    "taming": lambda path: load_taming(path, CONFIG),
    "llamagen": lambda path: load_llamagen(path, CONFIG, codebook_size=9, dim=4),
    "var": lambda path: load_var(path, CONFIG, (1, 2, 4), codebook_size=9),
    "diffusers": lambda path: load_diffusers(path.parent),
}

NAMINGS = {
    "taming": TAMING,
    "llamagen": LLAMAGEN,
    "var": VAR,
    # its loader leaves names alone that are ours, but for the order of the decoder's levels
    "diffusers": Naming(coarsest_first=True),
}

KEYS = {"taming": "state_dict", "llamagen": "model"}
"""Where the tensors stand in a checkpoint."""


def right(target: str) -> dict[str, Tensor]:
    """The tensors of a small model."""
    shapes: Shapes = Network((8, 8), (False, True), 4, NAMINGS[target], blocks=1).shapes()
    side = 3 if target == "var" else 1
    shapes |= conv("quant_conv", 4, 4, side) | conv("post_quant_conv", 4, 4, side)
    if target == "var":
        for phi in range(3):
            shapes |= conv(f"quantize.quant_resi.qresi_ls.{phi}", 4, 4, 3)
    return random_tensors(shapes | {"quantize.embedding.weight": (9, 4)})


def wrapped(target: str, tensors: dict[str, object]) -> dict[str, object]:
    """As the code base stores them."""
    return {KEYS[target]: tensors} if target in KEYS else tensors


KERNEL, BIAS, TABLE = "decoder.conv_out.weight", "quant_conv.bias", "quantize.embedding.weight"


def changed(name: str, change: Callable[[Tensor], object]) -> Callable[[dict[str, Tensor]], dict[str, object]]:
    return lambda tensors: {**tensors, name: change(tensors[name])}


FAULTS: dict[str, Callable[[dict[str, Tensor]], dict[str, object]]] = {
    "NaN": changed(KERNEL, lambda tensor: tensor.index_fill(0, torch.tensor([1]), float("nan"))),
    "infinity": changed(BIAS, lambda tensor: tensor / 0),
    "NaN in the codebook": changed(TABLE, lambda tensor: tensor * float("nan")),
    "integers": changed(KERNEL, lambda tensor: tensor.long()),
    "truths": changed(BIAS, lambda tensor: tensor > 0),
    "bytes": changed(TABLE, lambda tensor: tensor.abs().byte()),
    "complex numbers": changed(KERNEL, lambda tensor: tensor.to(torch.complex64)),
    "eight bits": changed(KERNEL, lambda tensor: tensor.to(torch.float8_e4m3fn)),
    "another shape": changed(KERNEL, lambda tensor: tensor[:, :5]),
    "another order": changed(KERNEL, lambda tensor: tensor.transpose(0, 1)),
    "no axes": changed(BIAS, lambda tensor: tensor[0]),
    "nothing in it": changed(BIAS, lambda tensor: tensor[:0]),
    "nothing in the codebook": changed(TABLE, lambda tensor: tensor[:0]),
    "a huge codebook": changed(TABLE, lambda tensor: tensor[:1].expand(2**40, 4)),
    "a codebook of other width": changed(TABLE, lambda tensor: tensor[:, :3]),
    "text": changed(KERNEL, lambda tensor: "text"),
    "None": changed(KERNEL, lambda tensor: None),
    "a list": changed(BIAS, lambda tensor: tensor.tolist()),
    "nowhere": changed(KERNEL, lambda tensor: tensor.to("meta")),
    "sparse": changed(KERNEL, lambda tensor: tensor.to_sparse()),
    "one less": lambda tensors: {name: tensor for name, tensor in tensors.items() if name != KERNEL},
    "one more": lambda tensors: {**tensors, "encoder.more": torch.ones(1)},
    "capitals": lambda tensors: {name.upper(): tensor for name, tensor in tensors.items()},
    "two for one": lambda tensors: {**tensors, "quantizer.codebook.vectors": tensors[TABLE]},
    "a name of two lines": lambda tensors: {**tensors, "x\n\x1b[2J": torch.ones(1)},
}


def outcome(target: str, path: Path) -> list[str]:
    """What loading does: "loaded", "refused" and the message, or "broken" and the error."""
    loaders = SMALL | {model.name: model.load for model in list_pretrained()}
    try:
        loaders[target](path)
    except WeightsError as error:
        return ["refused", str(error)]
    except BaseException as error:
        return ["broken", f"{type(error).__name__}: {error}"]
    return ["loaded", ""]


if __name__ == "__main__":
    jobs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = [outcome(target, Path(path)) for target, path in jobs]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"outcomes": outcomes, "grown": after - before}))
