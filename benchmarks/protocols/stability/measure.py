"""How far a tokenizer's codes are the same under each change, and what decoding the others costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.programs import ProgramError
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import psnr, to_uint8, to_unit_range
from benchmarks.metrics.speed import median_seconds
from benchmarks.protocols.stability.changes import (
    INVARIANT,
    MOVED,
    REPLACED,
    SEEN,
    WAYS,
    Codes,
    Encode,
    Seen,
    Way,
    replace_codes,
)


@dataclass
class Counted:
    """Sums over pictures under one change."""

    codes: int = 0
    changed: int = 0
    pictures: int = 0
    lost: float = 0.0
    """dB, summed over pictures."""

    def add(self, same: tuple[int, int], lost: Float[Tensor, " b"]) -> None:
        """A batch: (codes, how many changed), and what each picture has lost."""
        self.codes, self.changed = self.codes + same[0], self.changed + same[1]
        self.pictures, self.lost = self.pictures + len(lost), self.lost + float(lost.sum())


@dataclass
class Measured:
    """What was found of a tokenizer.

    Attributes:
        psnr: Mean over the pictures, in dB, of the codes that the changes are held against.
        changes: By name, the sums.
        replaced: By share of replaced codes, the mean PSNR in dB.
        missing: By name of a change, why it could not be measured.
        invariant_price: Time of `encode(…, invariant=True)` on the first batch over that of `encode`.
    """

    psnr: float = 0.0
    changes: dict[str, Counted] = field(default_factory=dict)
    replaced: dict[float, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    invariant_price: float = 0.0


def invariant_price(tokenizer: Tokenizer, signal: Tensor) -> float:
    """Time of invariant encoding over that of encoding, on one batch: medians by PyTorch's timer."""
    plain, invariant = (median_seconds(partial(tokenizer.encode, signal, how)) for how in (False, True))
    return invariant / plain


@torch.no_grad()
def measure(
    tokenizer: Tokenizer,
    batches: Iterable[UInt8[Tensor, "b 3 h w"]],
    extent: tuple[int, int],
    ways: Mapping[str, Way] = WAYS,
    seen: Mapping[str, Seen] = SEEN,
    progress: Callable[[int], None] | None = None,
) -> Measured:
    """Encode pictures under every change.

    Args:
        tokenizer: On the CPU, in eval mode, in float32, with a codebook.
        batches: The pictures, as the protocol crops them; changes of the batch are changes of these.
        extent: Height and width of them.
        ways, seen: The changes, of `WAYS` and `SEEN`.
        progress: Called with the number of pictures of every batch done.

    Raises:
        ValueError: there is no picture, or a reconstruction is not finite.
    """
    found, pictures = Measured(), 0
    found.replaced = dict.fromkeys(REPLACED, 0.0)
    with full_float32(), ExitStack() as stack:
        opened = _open(tokenizer, extent, ways, found.missing, stack)
        for batch in batches:
            signal = to_unit_range(batch)
            codes = tokenizer.encode(signal)
            quality = _quality(tokenizer, codes, batch)
            if not pictures:
                found.invariant_price = invariant_price(tokenizer, signal)
            found.psnr, pictures = found.psnr + float(quality.sum()), pictures + len(batch)
            for name, encode in list(opened.items()):
                try:
                    others = encode(signal)
                except RuntimeError as error:  # no compiler here, or no kernel for this precision
                    found.missing[name] = str(error).strip().splitlines()[0]
                    found.changes.pop(name, None)
                    del opened[name]
                    continue
                held = tokenizer.encode(signal, invariant=True) if name == INVARIANT else codes
                lost = _quality(tokenizer, held, batch) - _quality(tokenizer, others, batch)
                found.changes.setdefault(name, Counted()).add(_changed(tokenizer, others, held), lost)
            for name, see in seen.items():
                changed = see(tokenizer, batch)
                others, target = tokenizer.encode(changed), to_uint8(changed) if name == MOVED else batch
                lost = quality - _quality(tokenizer, others, target)
                found.changes.setdefault(name, Counted()).add(_changed(tokenizer, others, codes), lost)
            for share in REPLACED:
                sizes = [quantizer.codebook_size for quantizer in tokenizer.quantizers]
                damaged = _quality(tokenizer, replace_codes(codes, sizes, share, seed=pictures), batch)
                found.replaced[share] += float(damaged.sum())
            if progress is not None:
                progress(len(batch))
    if not pictures:
        raise ValueError("measure() got no picture: the test set is empty")
    found.psnr /= pictures
    found.replaced = {share: total / pictures for share, total in found.replaced.items()}
    return found


def _open(
    tokenizer: Tokenizer, extent: tuple[int, int], ways: Mapping[str, Way], missing: dict[str, str], stack: ExitStack
) -> dict[str, Encode]:
    """The ways that can be had here; why not, of the others, goes to `missing`."""
    opened = {}
    for name, way in ways.items():
        try:
            opened[name] = stack.enter_context(way(tokenizer, extent))
        except ProgramError as error:
            missing[name] = str(error)
    return opened


def _quality(tokenizer: Tokenizer, codes: Codes, originals: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
    """PSNR of what codes decode to, in dB."""
    return psnr(to_uint8(tokenizer.decode(codes)), originals)


def _changed(tokenizer: Tokenizer, found: Codes, expected: Codes) -> tuple[int, int]:
    """How many codes there are, one that several positions share counting once, and how many differ."""
    count = differ = 0
    for quantizer, one, other in zip(tokenizer.quantizers, found, expected, strict=True):
        for a, b in zip(quantizer.code_maps(one), quantizer.code_maps(other), strict=True):
            count, differ = count + a.numel(), differ + int((a != b).sum())
    return count, differ
