"""What a run trains, as it is before the training: its quantizer, its tokenizer, or a baseline."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from autoencoders import TrainableTokenizer, code_maps_of, create_tokenizer
from benchmarks.records import baselines
from benchmarks.training.settings import RunConfig
from benchmarks.training.signals import signal_of
from benchmarks.training.signals.signal import Model
from priors.fingerprint import weights_fingerprint
from quantizers import Quantizer, create_quantizer
from quantizers.registry import with_dim
from storage.checkpoint import CheckpointError
from storage.paths import StrPath
from storage.whole_files import replacing


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


def build(run: RunConfig) -> Model:
    """The run's tokenizer or baseline, as it is before its training."""
    return signal_of(run.settings).make_baseline(run) if run.quantizer in baselines.NAMES else make_tokenizer(run)


def weights_beside(run: StrPath) -> dict[str, Tensor]:
    """The weights of a stored run, which others build upon.

    Raises:
        CheckpointError: they are not at hand.
    """
    run = Path(run)
    weights = run.with_suffix(".safetensors")
    try:
        return load_file(weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{run}: {weights} is not a readable file of weights; name the record of a run that was trained on this "
            "machine, or train it again"
        ) from error


def save_weights(model: nn.Module, run: StrPath, metadata: dict[str, str]) -> None:
    """Store a model's weights beside a record, whole or not at all; `metadata` says whose they are."""
    weights = {name: tensor.cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    with replacing(Path(run).with_suffix(".safetensors")) as temporary:
        save_file(weights, temporary, metadata=metadata)


def weights_digest(run: StrPath) -> str:
    """Tells the weights of a stored run from those of the same run made again. Not the file's: that says its metadata
    in any order.

    Raises:
        CheckpointError: they are not at hand.
    """
    weights = Path(run).with_suffix(".safetensors")
    stat = weights.stat() if weights.exists() else None
    return _weights_digest(Path(run).absolute(), stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _weights_digest(run: Path, version: tuple[int, ...] | None) -> str:
    return weights_fingerprint(weights_beside(run))


def start_from(tokenizer: TrainableTokenizer, start: StrPath) -> None:
    """Give a tokenizer the weights of a stored run that have its names and sizes, but for the quantizers'.

    Raises:
        CheckpointError: they are not at hand, or none fits.
    """
    own = tokenizer.state_dict()
    of_quantizers = {
        f"{name}.{key}"
        for name, module in tokenizer.named_modules()
        if isinstance(module, Quantizer)
        for key in module.state_dict()
    }
    fits = {
        name: tensor
        for name, tensor in weights_beside(start).items()
        if name in own and name not in of_quantizers and tensor.shape == own[name].shape
    }
    if not fits:
        raise CheckpointError(f"--start {start}: no weight of it has a name and size of this backbone")
    tokenizer.load_state_dict(fits, strict=False)
