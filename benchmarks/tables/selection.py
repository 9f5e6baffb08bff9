"""Which of the stored runs are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from autoencoders.ranges import Bits
from benchmarks.records.priors import PRIOR
from benchmarks.records.record import Record
from benchmarks.tables.comparable import asked_bits


@dataclass(frozen=True)
class Selection:
    """Flags that choose among stored runs, alike in every command that shows some."""

    quantizer: tuple[str, ...] = ()
    """Only these quantizers."""
    bits: tuple[Bits, ...] = ()
    """Only runs that were asked for these bits per position, and the baselines."""
    preset: tuple[str, ...] = ()
    """Only these presets."""
    data: tuple[str, ...] = ()
    """Only these data sets."""
    prior: str = PRIOR
    """Which priors' bits and pictures are shown, where there are any (python -m benchmarks.generate): a kind, or the
    digest of a prior's settings."""

    def fits(self, record: Record) -> bool:
        """Whether a run is wanted."""
        return (
            (not self.quantizer or record.quantizer.name in self.quantizer)
            and (not self.bits or asked_bits(record) in (0, *self.bits))
            and (not self.preset or record.preset in self.preset)
            and (not self.data or record.data["name"] in self.data)
        )
