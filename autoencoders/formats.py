"""What programs a tokenizer can become (`programs`), apart from what makes them: to read it needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Part = Literal["encoder", "decoder", "both"]
"""Signal to code maps, code maps to signal, or signal to reconstruction."""
Format = Literal["torch-export", "onnx"]
"""PyTorch's own, or ONNX."""

SUFFIXES: Mapping[Format, str] = {"torch-export": ".pt2", "onnx": ".onnx"}
"""Of the files of each format."""
