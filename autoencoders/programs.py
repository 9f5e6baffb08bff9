"""Tokenizers as programs that run without this package: by `torch.export` as PyTorch's own, or as ONNX.

export_program("encoder.onnx", tokenizer, "encoder", "onnx", (256, 256))
codes = load_program("encoder.onnx")(pictures)
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.formats import SUFFIXES, Format, Part
from autoencoders.tokenizer import OneMapTokenizer, Tokenizer
from quantizers import Quantizer
from quantizers.modes import evaluating
from quantizers.none import NoQuantizer
from storage.paths import StrPath
from storage.whole_files import replacing

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What making and running an ONNX program needs beside PyTorch: the extra `onnx`."""

AXES: Mapping[int, tuple[str, ...]] = {1: ("samples",), 2: ("height", "width"), 3: ("frames", "height", "width")}
"""Names of a signal's axes, by how many there are."""

Program = Callable[..., tuple[Tensor, ...]]
"""Tensors on the CPU in, tensors out: of an encoder one for each map of codes."""


class ProgramError(ValueError):
    """A program that cannot be made or run; the message says why."""


class QuantizerAlone(OneMapTokenizer):
    """A quantizer as a tokenizer of its own latents, (B, dim, H, W): networks around it there are none."""

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self.quantizer = quantizer
        self.strides = (1, 1)

    @property
    def channels(self) -> int:
        """Of a latent."""
        return self.quantizer.dim

    def latent(self, signal: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The signal itself; ValueError on another number of channels or axes."""
        self._require_signal(signal)
        return signal

    def from_latent(self, quantized: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The same."""
        return quantized


class _Part(nn.Module):
    """What a program is made of: tensors in, a tuple of tensors out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer


class _Encoder(_Part):
    def forward(self, signal: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.tokenizer.encode(signal))


class _Decoder(_Part):
    def forward(self, *codes: Tensor) -> tuple[Tensor, ...]:
        return (self.tokenizer.decode(codes),)


class _Both(_Part):
    def forward(self, signal: Tensor) -> tuple[Tensor, ...]:
        return (self.tokenizer.reconstruct([output.quantized for output in self.tokenizer.quantize(signal)]),)


_PARTS: Mapping[Part, type[_Part]] = {"encoder": _Encoder, "decoder": _Decoder, "both": _Both}


class Names(NamedTuple):
    """Of a program's inputs and outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def names(tokenizer: Tokenizer, part: Part) -> Names:
    """What the inputs and outputs of a part are called: code maps as the tokenizer calls them."""
    ins = tokenizer.maps if part == "decoder" else ("signal",)
    return Names(ins, tokenizer.maps if part == "encoder" else ("reconstruction",))


def takes_any_extent(tokenizer: Tokenizer) -> bool:
    """Whether its programs do: not where it takes one alone, nor where the sizes of inner maps follow the signal's, as
    those of `multi-scale` do, which an exported program has as constants."""
    return tokenizer.only_extent is None and all(quantizer.is_positionwise for quantizer in tokenizer.quantizers)


@torch.no_grad()
def export_program(path: StrPath, tokenizer: Tokenizer, part: Part, format: Format, extent: Sequence[int]) -> None:
    """Write a part of a tokenizer, in eval mode, as a program of one file, whole or not at all.

    It takes any number of signals, and any extent on the strides' grid where `takes_any_extent` says so. Values are not
    checked in it: codes out of range and NaN are its caller's to avoid.

    Args:
        path: Of the file.
        tokenizer: On the CPU, in float32.
        part: What of it.
        format: PyTorch's own, read by `torch.export.load`; or ONNX.
        extent: Of the signals that it takes where it takes no others.

    Raises:
        ProgramError: it cannot be exported, or a package that this needs is missing.
    """
    require_packages(format)
    if format == "onnx" and any(isinstance(quantizer, NoQuantizer) for quantizer in tokenizer.quantizers):
        raise ProgramError(
            "without a quantizer codes are the bits of 32-bit floats, which ONNX has no operator for: take torch-export"
        )
    with evaluating(tokenizer):
        example, dynamic = _example(tokenizer, part, extent)
        free = [dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in dynamic]
        shapes = (tuple(free),) if part == "decoder" else tuple(free)  # the decoder's maps are one argument, `*codes`
        with replacing(path) as temporary, _one_sentence(part, format):
            program = torch.export.export(_PARTS[part](tokenizer).eval(), example, dynamic_shapes=shapes)
            if format == "torch-export":
                with temporary.open("wb") as file:
                    torch.export.save(program, file)
                return
            called = names(tokenizer, part)
            named = (tuple(dynamic),) if part == "decoder" else tuple(dynamic)
            made = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                dynamic_shapes=named,
                input_names=called.inputs,
                output_names=called.outputs,
            )
            assert made is not None  # which it is where no file was named
            made.save(temporary, external_data=False)


def load_program(path: StrPath) -> Program:
    """A program from its file, by the suffix, on the CPU; ONNX is run by onnxruntime, on as many threads as PyTorch.

    Raises:
        ProgramError: a package that this needs is missing.
    """
    path = Path(path)
    if path.suffix == SUFFIXES["torch-export"]:
        module = torch.export.load(path).module()
        return torch.no_grad()(module)  # type: ignore[no-any-return]
    require_packages("onnx")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = [given.name for given in session.get_inputs()]

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        given = {name: tensor.numpy() for name, tensor in zip(inputs, tensors, strict=True)}
        return tuple(torch.from_numpy(found) for found in session.run(None, given))

    return run


def require_packages(format: Format) -> None:
    """Raise ProgramError where a package that a format needs is not installed."""
    missing = [name for name in ONNX_PACKAGES if format == "onnx" and find_spec(name) is None]
    if missing:
        raise ProgramError(
            f'ONNX needs {" and ".join(missing)}: pip install "quantizer-zoo-benchmark[onnx]", or take torch-export'
        )


def _example(
    tokenizer: Tokenizer, part: Part, extent: Sequence[int]
) -> tuple[tuple[Tensor, ...], list[dict[int, str]]]:
    """Inputs to trace a part with, and the names of each one's free axes.

    Where the extent is free the example's is a grid of 5, 7, 9 strides: sides that differ from each other and from what
    a network has tables for, so that none is taken for a constant.
    """
    is_free = takes_any_extent(tokenizer)
    if is_free:
        axes = zip(tokenizer.lead, tokenizer.strides, count(5, 2), strict=False)
        extent = [lead + stride * steps for lead, stride, steps in axes]
    signal = torch.zeros(2, tokenizer.channels, *extent, dtype=tokenizer.dtype)
    example = tuple(tokenizer.encode(signal)) if part == "decoder" else (signal,)
    sides = AXES[len(tokenizer.strides)] if is_free else ()
    several = len(example) > 1
    dynamic = [
        {0: "batch"} | {axis: f"{of}_{side}" if several else side for axis, side in enumerate(sides, 2)}
        for of in names(tokenizer, part).inputs
    ]
    return example, dynamic


@contextmanager
def _one_sentence(part: Part, format: Format) -> Iterator[None]:
    """What the exporters say while they work is not said, and what they stumble over is a ProgramError."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # of whatever kind: exporters have no family of their own
        raise ProgramError(f"the {part} cannot be exported as {format}: {_reason(error)}") from error
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The line that says what is missing: the deepest cause's first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
