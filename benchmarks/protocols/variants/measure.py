"""One tokenizer under many variants of the protocol: it runs once for each rule of cropping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.data.pictures import Pictures
from benchmarks.data.transforms import to_rgb
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.variants.crops import CROPS
from benchmarks.protocols.variants.levels import LEVELS
from benchmarks.protocols.variants.metrics import Measurement, Networks, cannot, measurement
from benchmarks.protocols.variants.names import METRICS
from benchmarks.protocols.variants.variants import DEFAULT, VARIANTS, Variant


@dataclass(frozen=True)
class Explained:
    """The numbers of one variant."""

    variant: Variant
    metrics: dict[str, float | None]
    missing: dict[str, str]
    """Metric -> why it is None."""


class Measurements:
    """All that variants with one crop ask for, each number once."""

    def __init__(
        self, variants: Mapping[str, Variant], networks: Networks, size: int, count: int, device: torch.device
    ) -> None:
        self.variants = variants
        self.missing: dict[str, dict[str, str]] = {name: {} for name in variants}
        self.by_key: dict[tuple[str, ...], tuple[str, Measurement]] = {}
        for name, variant in variants.items():
            for metric, (levels, *_) in METRICS.items():
                reason = cannot(metric, variant, networks, size, count)
                if reason is not None:
                    self.missing[name][metric] = reason
                elif _key(metric, variant) not in self.by_key:
                    made = measurement(metric, variant, networks, device)
                    self.by_key[_key(metric, variant)] = getattr(variant, levels), made

    def update(self, originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> None:
        """Take in a batch. Raises ValueError where the output is not finite."""
        to_uint8(output)
        compared = {levels: LEVELS[levels](originals, output) for levels in {of for of, _ in self.by_key.values()}}
        for levels, each in self.by_key.values():
            each.update(*compared[levels])

    def explained(self) -> dict[str, Explained]:
        """What came of all batches."""
        values = {key: each.value() for key, (_, each) in self.by_key.items()}
        return {
            name: Explained(
                variant, {metric: values.get(_key(metric, variant)) for metric in METRICS}, self.missing[name]
            )
            for name, variant in self.variants.items()
        }


def _key(metric: str, variant: Variant) -> tuple[str, ...]:
    """Equal where two variants with one crop give one number."""
    return metric, *(getattr(variant, choice) for choice in METRICS[metric])


@torch.no_grad()
def explain(
    tokenizer: Tokenizer,
    pictures: Pictures,
    size: int,
    *,
    device: torch.device | str,
    weights: MetricWeights,
    variants: Mapping[str, Variant] = VARIANTS,
    batch_size: int = 32,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Explained]:
    """Measure a tokenizer under variants of the reconstruction protocol, and first under the protocol itself.

    What several variants share is computed once. For SWD up to 8192 pictures are held for each rounding of one crop.

    Args:
        tokenizer: On `device`, in eval mode, in float32.
        pictures: The whole test pictures, none of them smaller than `size`.
        size: Side in pixels of what the tokenizer sees.
        weights: Files for LPIPS and rFID; what is absent leaves its metric None with the reason.
        variants: By name.
        progress: Called with the number of pictures of every batch done; each picture comes `passes` times.

    Raises:
        ValueError: no picture or one that is too small, tokenizer in training mode, or a reconstruction that is not
            finite.
    """
    if not len(pictures):
        raise ValueError("explain() got no picture: the test set is empty")
    if tokenizer.training:
        raise ValueError("explain() needs the tokenizer in eval mode: call tokenizer.eval() first")
    device = torch.device(device)
    measuring = measuring_device(device)
    everything = {PROTOCOL: DEFAULT, **variants}
    networks = Networks.load(weights, {variant.lpips for variant in everything.values()}, measuring)
    found: dict[str, Explained] = {}
    with full_float32():
        for crop in _crops(everything):
            with_crop = {name: variant for name, variant in everything.items() if variant.crop == crop}
            measurements = Measurements(with_crop, networks, size, len(pictures), measuring)
            for originals in _squares(pictures, crop, size, batch_size):
                output = tokenizer(to_unit_range(originals.to(device))).reconstruction
                measurements.update(originals.to(measuring), output.to(measuring))
                if progress is not None:
                    progress(len(originals))
            found |= measurements.explained()
    return {name: found[name] for name in everything}


def _crops(variants: Mapping[str, Variant]) -> Sequence[str]:
    return [*dict.fromkeys(variant.crop for variant in variants.values())]


def passes(variants: Mapping[str, Variant]) -> int:
    """How often `explain` goes through the pictures: once per crop, the protocol's among them."""
    return len(_crops({PROTOCOL: DEFAULT, **variants}))


def _squares(pictures: Pictures, crop: str, size: int, batch_size: int) -> Iterator[UInt8[Tensor, "b 3 size size"]]:
    for start in range(0, len(pictures), batch_size):
        squares = []
        for index in range(start, min(start + batch_size, len(pictures))):
            with pictures.open(index) as picture:
                squares.append(CROPS[crop](to_rgb(picture), size))
        yield torch.stack(squares)
