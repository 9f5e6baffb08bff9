"""How far films are from what they were, and what their files cost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.data.films.sources import Frame
from benchmarks.data.films.whole import Film
from benchmarks.metrics.device import full_float32
from benchmarks.protocols.compression.fidelity import Coder, Fidelity, Numbers, Through
from benchmarks.protocols.video.fidelity import FRAME_METRICS, decibels

PIXELS_AT_ONCE = 2**20
"""Of the frames that are compared side by side, in float64."""

UNMEASURED = {
    "flicker": "{} of {} films have a single frame, which changes nothing",
    **{name: f"{{}} of {{}} films have a side under {least} pixels" for name, (_, least) in FRAME_METRICS.items()},
}


class FilmFileFidelity(Fidelity[Film]):
    """The video protocol's metrics of films that were files, frame by frame, at full size, in bounded memory.

    What a codec gives beyond a film's right and lower edges is cut off: its sides are even.
    """

    def __init__(self, device: torch.device) -> None:
        """
        Args:
            device: where tokenizers are; the metrics are computed on the CPU.
        """
        super().__init__(device, {})

    @torch.no_grad()
    def __call__(self, decoded: Film, original: Film) -> Numbers:
        """The numbers of one film. ValueError where it came back with fewer frames or smaller."""
        count, height, width = original.extent
        at_once = max(1, PIXELS_AT_ONCE // (height * width))
        wanted, made = original.frames(), (frame[:height, :width] for frame in decoded.frames())
        of_frames: dict[str, list[Tensor]] = {name: [] for name in FRAME_METRICS}
        squares = changes = 0.0
        before: Tensor | None = None  # of the last frame, how much brighter it came back
        for start in range(0, count, at_once):
            pair = [_stacked(frames, min(at_once, count - start)) for frames in (made, wanted)]
            if pair[0].shape != pair[1].shape:
                raise ValueError(
                    f"a film of {count} frames of {width} × {height} pixels came back with fewer of either"
                )
            with full_float32():
                for name, (metric, least) in FRAME_METRICS.items():
                    if min(height, width) >= least:
                        of_frames[name].append(metric(*pair))
            errors = pair[0].double() - pair[1].double()
            squares += errors.square().sum().item()
            along = errors if before is None else torch.cat([before, errors])
            changes += along.diff(dim=0).abs().sum().item()
            before = errors[-1:]
        samples = 3 * height * width
        return {
            **{name: torch.cat(found).mean().item() if found else math.nan for name, found in of_frames.items()},
            "psnr_clip": decibels(squares / (samples * count)),
            "flicker": changes / (samples * (count - 1)) if count > 1 else math.nan,
        }

    def through(self, coder: Coder[Film], item: Film) -> Through:
        """A film as a file and back. Of the time what it takes to read the film is not the coder's; and what comes back
        is decoded as it is compared."""
        reading, decoding = Stopwatch(), Stopwatch()
        begin = time.perf_counter()
        data = coder.encode(reading.of(item))
        written = time.perf_counter()
        decoded = coder.decode(data)
        opened = time.perf_counter() - written
        numbers = self(decoding.of(decoded), item)
        return Through(len(data), numbers, written - begin - reading.seconds, opened + decoding.seconds)

    def there_and_back(self, coder: Coder[Film], item: Film) -> None:
        """A film as a file and back, no two frames of which need be there at once."""
        for _ in coder.decode(coder.encode(item)).frames():
            pass

    def cost(self, item: Film, size: int, encode_seconds: float, decode_seconds: float) -> Numbers:
        """Kilobits a second, bits per pixel, and frames that are coded, and decoded, in a second."""
        count, height, width = item.extent
        return {
            "kbps": 8 * size / item.seconds / 1000,
            "bpp": 8 * size / (count * height * width),
            "encode_frames_per_second": count / encode_seconds,
            "decode_frames_per_second": count / decode_seconds,
        }

    def mean(self, name: str, values: np.ndarray) -> tuple[float | None, str | None]:
        """None where one film has no number, with the reason."""
        if absent := int(np.isnan(values).sum()):
            return None, UNMEASURED[name].format(absent, len(values))
        return float(values.mean()), None


class Stopwatch:
    """How long a film's frames take to come.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def of(self, film: Film) -> Film:
        """The film, watched."""
        return replace(film, frames=lambda: self._watched(film.frames()))

    def _watched(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        while True:
            begin = time.perf_counter()
            frame = next(frames, None)
            self.seconds += time.perf_counter() - begin
            if frame is None:
                return
            yield frame


def _stacked(frames: Iterator[Frame], count: int) -> UInt8[Tensor, "n 3 h w"]:
    """The next of them, at most so many."""
    found = [*islice(frames, count)]
    return torch.from_numpy(np.stack(found)).movedim(3, 1) if found else torch.empty(0)
