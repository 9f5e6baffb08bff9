"""What a signal says of itself to `encode` and `decode`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.training.loading import LoadedRun
from priors.code_models import CodeModel

AnyCodec = TypeVar("AnyCodec", bound=TokenizerCodec[Any])


class SignalFiles(ABC, Generic[AnyCodec]):
    """Files of one kind of signal, and a run whose tokenizer codes them.

    Attributes:
        noun: what they are, several.
        suffix: of the files that `decode` writes.
    """

    noun: ClassVar[str]
    suffix: ClassVar[str]

    def __init__(self, run: LoadedRun, config: Any) -> None:
        """
        Args:
            run: with its tokenizer on the device.
            config: of the run's data.
        """
        self.run, self.config = run, config

    @abstractmethod
    def codec(self, model: CodeModel) -> AnyCodec:
        """The run's tokenizer under a model of its codes."""

    @abstractmethod
    def is_one(self, name: str) -> bool:
        """Whether a file is of this signal by its name."""

    @abstractmethod
    def encode(self, codec: AnyCodec, file: Path) -> tuple[bytes, str]:
        """A file's codes as a file, and its rate in words. ValueError and OSError on what cannot be read or coded."""

    @abstractmethod
    def decode(self, codec: AnyCodec, data: bytes, output: Path) -> str:
        """Write what such a file is of, and say how large that is. CodeFileError as `TokenizerCodec.decode`."""
