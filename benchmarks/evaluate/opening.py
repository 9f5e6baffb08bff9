"""What tokenizers are measured on: the pictures, sounds or films of --data, opened once for each size or rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, TypeVar

from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape

from benchmarks.data import ONE_PASS, DataConfig, EvaluationData, open_evaluation_data
from benchmarks.data.films import FilmConfig, FilmTestData, open_test_films
from benchmarks.data.sizes import extent_of
from benchmarks.data.sounds import SoundConfig, SoundTestData, open_test_sounds
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.job import Tested
from benchmarks.training.in_step import in_turn

Opened = TypeVar("Opened", EvaluationData, SoundTestData, FilmTestData)


@dataclass(frozen=True)
class TestData:
    """Opens what was asked for; what was opened before is not opened again."""

    __test__ = False  # pytest: no test, though its name begins so

    arguments: Arguments
    accelerator: Accelerator
    console: Console

    @cached_property
    def _opened(self) -> dict[Any, Any]:
        return {}

    def like(self, own: DataConfig | SoundConfig | FilmConfig) -> Tested:
        """The pictures, sounds or films, at the sizes of a tokenizer's own."""
        if isinstance(own, FilmConfig):
            return self.films(own)
        if isinstance(own, SoundConfig):
            return self.sounds(own.sample_rate, own.channels)
        return self.pictures(own.image_size)

    def pictures(self, own_size: int) -> EvaluationData:
        """The pictures, cropped to the size that was asked for, or else to that of a tokenizer."""
        asked = self.arguments
        size = own_size if asked.size is None else asked.size
        config = DataConfig(str(asked.data), max(extent_of(size)), root=asked.root, limit_test=asked.limit)
        open_ = partial(open_evaluation_data, config, asked.part, budget=ONE_PASS, size=size)
        return self._open(config, "the pictures", open_)

    def sounds(self, sample_rate: int, channels: int) -> SoundTestData:
        """The sounds, at so many samples a second."""
        asked = self.arguments
        config = SoundConfig(str(asked.data), sample_rate, channels, limit_test=asked.limit, root=asked.root)
        return self._open(config, "the sounds", partial(open_test_sounds, config, asked.part))

    def films(self, own: FilmConfig) -> FilmTestData:
        """The films, in clips as of a run's own."""
        asked = self.arguments
        config = replace(own, source=str(asked.data), limit_train=None, limit_test=asked.limit, root=asked.root)
        return self._open(config, "the films", partial(open_test_films, config, asked.part))

    def _open(self, config: Any, name: str, open_: Callable[[], Opened]) -> Opened:
        if config not in self._opened:
            self._opened[config] = in_turn(name, open_, self.accelerator)
            self.console.print(escape(self._opened[config].words), soft_wrap=True, highlight=False)
        found: Opened = self._opened[config]
        return found
