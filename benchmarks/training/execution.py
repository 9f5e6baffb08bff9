"""How runs are carried out."""

from __future__ import annotations

from dataclasses import dataclass

from accelerate import Accelerator

from benchmarks.metrics.fvd import VideoFeatures
from benchmarks.metrics.weights import MetricWeights
from benchmarks.training.tracking.names import TrackerName


@dataclass(frozen=True)
class Execution:
    """How runs are carried out: nothing here changes a number that is measured of a tokenizer."""

    accelerator: Accelerator
    weights: MetricWeights
    checkpoint_every: int
    eval_batch_size: int
    notes: dict[str, str]
    """Stored with each run, e.g. why the perceptual loss is no LPIPS."""
    log: tuple[TrackerName, ...] = ()
    """Trackers that watch the training."""
    video_features: VideoFeatures | None = None
    """Of the network of the Fréchet video distance, where its file was given."""
