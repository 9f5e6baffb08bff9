"""What a run trains, as it is before the training: its quantizer, its tokenizer, or a baseline."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from autoencoders import Tokenizer, TrainableTokenizer, code_maps_of, create_tokenizer
from benchmarks.training import baselines
from benchmarks.training.settings import RunConfig
from quantizers import Quantizer, create_quantizer
from quantizers.registry import with_dim
from storage.checkpoint import CheckpointError
from storage.paths import StrPath


def make_quantizer(run: RunConfig) -> Quantizer:
    """The run's quantizer; those that leave their width to the user take the preset's.

    Raises:
        ValueError: no such quantizer, rate or option.
    """
    options = with_dim(run.quantizer, run.bits, run.options, run.settings.dim)
    return create_quantizer(run.quantizer, bits=run.bits, **options)


def make_tokenizer(run: RunConfig) -> TrainableTokenizer:
    """The run's model; equal seeds start different quantizers from the same backbone."""
    torch.manual_seed(run.seed)
    quantizers = [make_quantizer(run) for _ in code_maps_of(run.settings.model)]
    torch.manual_seed(run.seed)
    return create_tokenizer(run.settings.model, quantizers)


def build(run: RunConfig) -> Tokenizer:
    """The run's model or baseline, as it is before its training."""
    return baselines.make_baseline(run) if run.quantizer in baselines.NAMES else make_tokenizer(run)


def start_from(tokenizer: TrainableTokenizer, start: StrPath) -> None:
    """Give a tokenizer the weights of a stored run that have its names and sizes, but for the quantizers'.

    Raises:
        CheckpointError: they are not at hand, or none fits.
    """
    start = Path(start)
    weights = start.with_suffix(".safetensors")
    own = tokenizer.state_dict()
    of_quantizers = {
        f"{name}.{key}"
        for name, module in tokenizer.named_modules()
        if isinstance(module, Quantizer)
        for key in module.state_dict()
    }
    try:
        found = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"--start {start}: {weights} is not a readable file of weights; name the record of a run that was "
            "trained on this machine, or train it again"
        ) from error
    fits = {
        name: tensor
        for name, tensor in found.items()
        if name in own and name not in of_quantizers and tensor.shape == own[name].shape
    }
    if not fits:
        raise CheckpointError(f"--start {start}: no weight of it has a name and size of this backbone")
    tokenizer.load_state_dict(fits, strict=False)
