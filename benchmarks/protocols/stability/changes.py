"""What codes should not depend on, and what they should depend on little: the changes of the protocol `stability`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.formats import SUFFIXES, Format
from autoencoders.programs import export_program, load_program
from benchmarks.metrics.pictures import to_uint8, to_unit_range

Codes = list[Tensor]
Encode = Callable[[Tensor], Codes]
"""Signals of a batch to their code maps."""

Way = Callable[[Tokenizer, tuple[int, int]], AbstractContextManager[Encode]]
"""Of a tokenizer, on the CPU in eval mode, and the height and width of its pictures: another way to encode them."""


@contextmanager
def _in_batches_of(
    size: int, tokenizer: Tokenizer, extent: tuple[int, int], invariant: bool = False
) -> Iterator[Encode]:
    def encode(signal: Tensor) -> Codes:
        parts = [tokenizer.encode(part, invariant) for part in signal.split(size)]
        return [torch.cat(of_map) for of_map in zip(*parts, strict=True)]

    yield encode


@contextmanager
def _at_another_place(tokenizer: Tokenizer, extent: tuple[int, int]) -> Iterator[Encode]:
    """Each picture one place on, the last one first."""
    yield lambda signal: [codes.roll(-1, 0) for codes in tokenizer.encode(signal.roll(1, 0))]


@contextmanager
def _on_other_threads(tokenizer: Tokenizer, extent: tuple[int, int]) -> Iterator[Encode]:
    """On one thread where there are more, else on two."""
    before = torch.get_num_threads()
    other = 1 if before > 1 else 2

    def encode(signal: Tensor) -> Codes:
        torch.set_num_threads(other)
        try:
            return tokenizer.encode(signal)
        finally:
            torch.set_num_threads(before)

    yield encode


@contextmanager
def _autocast(dtype: torch.dtype, tokenizer: Tokenizer, extent: tuple[int, int]) -> Iterator[Encode]:
    def encode(signal: Tensor) -> Codes:
        with torch.autocast(signal.device.type, dtype):
            return tokenizer.encode(signal)

    yield encode


@contextmanager
def _compiled(tokenizer: Tokenizer, extent: tuple[int, int]) -> Iterator[Encode]:
    yield torch.compile(tokenizer.encode)


@contextmanager
def _exported(format: Format, tokenizer: Tokenizer, extent: tuple[int, int]) -> Iterator[Encode]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"encoder{SUFFIXES[format]}"
        export_program(path, tokenizer, "encoder", format, extent)
        run = load_program(path)
        yield lambda signal: list(run(signal))


INVARIANT = "invariant, batch of 7"
"""Of `WAYS`, what is held against the invariant codes of the whole batch; all others against its plain ones."""

WAYS: Mapping[str, Way] = {
    "batch of 1": partial(_in_batches_of, 1),
    "batch of 7": partial(_in_batches_of, 7),
    INVARIANT: partial(_in_batches_of, 7, invariant=True),
    "place in the batch": _at_another_place,
    "threads": _on_other_threads,
    "bf16 autocast": partial(_autocast, torch.bfloat16),
    "fp16 autocast": partial(_autocast, torch.float16),
    "torch.compile": _compiled,
    "torch.export": partial(_exported, "torch-export"),
    "ONNX": partial(_exported, "onnx"),
}
"""Other ways to encode the same pictures; the codes should be the same."""

Pictures = UInt8[Tensor, "b 3 h w"]
Seen = Callable[[Tokenizer, Pictures], Float[Tensor, "b 3 h w"]]
"""What is encoded instead of 8-bit pictures, in [-1, 1]."""


@torch.no_grad()
def again(times: int, tokenizer: Tokenizer, pictures: Pictures) -> Float[Tensor, "b 3 h w"]:
    """What is left of pictures after so many times of encoding, decoding and rounding to 8 bits."""
    for _ in range(times):
        pictures = to_uint8(tokenizer.decode(tokenizer.encode(to_unit_range(pictures))))
    return to_unit_range(pictures)


def rounding_noise(tokenizer: Tokenizer, pictures: Pictures) -> Float[Tensor, "b 3 h w"]:
    """Uniform noise of at most half a level, as rounding to 8 bits makes, of seed 0."""
    noise = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    return to_unit_range(pictures.float() + noise.to(pictures.device))


def jpeg(quality: int, tokenizer: Tokenizer, pictures: Pictures) -> Float[Tensor, "b 3 h w"]:
    """As Pillow writes and reads them at that quality."""
    found = []
    for picture in pictures.cpu().permute(0, 2, 3, 1).numpy():
        file = BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        found.append(torch.from_numpy(np.array(Image.open(file))))
    return to_unit_range(torch.stack(found).permute(0, 3, 1, 2).to(pictures.device))


def shifted(tokenizer: Tokenizer, pictures: Pictures) -> Float[Tensor, "b 3 h w"]:
    """One pixel to the right; the column at the left stands twice."""
    return to_unit_range(torch.cat([pictures[..., :1], pictures[..., :-1]], -1))


SEEN: Mapping[str, Seen] = {
    "one more encode": partial(again, 1),
    "ten more encodes": partial(again, 10),
    "8-bit noise": rounding_noise,
    "JPEG 90": partial(jpeg, 90),
    "shift by one pixel": shifted,
}
"""What a picture may become on its way; the codes should be nearly the same."""

MOVED = "shift by one pixel"
"""Of `SEEN`, what moves the picture: its PSNR is that beside the moved one."""

REPLACED = (0.01, 0.05, 0.1)
"""Shares of the codes that are replaced by others, drawn evenly."""


def replace_codes(codes: Codes, sizes: list[int], share: float, seed: int = 0) -> Codes:
    """Each code by another one of the codebook with that probability, all others alike.

    Args:
        codes: Maps of codes.
        sizes: Of each map's codebook.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for of_map, size in zip(codes, sizes, strict=True):
        hit = torch.rand(of_map.shape, generator=generator) < share
        step = torch.randint(1, max(2, size), of_map.shape, generator=generator)
        found.append(torch.where(hit.to(of_map.device), (of_map + step.to(of_map.device)) % size, of_map))
    return found
