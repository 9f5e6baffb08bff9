"""A tracker that needs no other program: lines of JSON, and pictures beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.tracking import GeneralTracker
from PIL import Image

from storage.paths import StrPath
from storage.whole_files import replacing

DIGITS = 8
"""Of a step in the name of a picture, so that they stand in order."""


class JsonlTracker(GeneralTracker):
    """Writes into a folder:

        curves.jsonl           a line of JSON for each time that values were logged: {"step": 50, "total": 0.1, ...}
        NAME-STEP.png          a picture
        hyperparameters.json   what does not change

    Args:
        folder: Made where it is missing.
        since: The step that the training goes on from. What was logged of later ones, by a training that was then
            killed, is dropped: it comes again.
    """

    name = "jsonl"
    requires_logging_directory = True

    def __init__(self, folder: StrPath, since: int = 0) -> None:
        super().__init__()
        self.folder, self.since = Path(folder), since

    @property
    def tracker(self) -> Path:
        """The file of lines."""
        return self.folder / "curves.jsonl"

    def start(self) -> None:
        """Drop what is past the step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.tracker.exists():
            kept = list(self._kept())
            with replacing(self.tracker) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")
        for picture in self.folder.glob(f"*-{'[0-9]' * DIGITS}.png"):
            if int(picture.stem.rpartition("-")[2]) > self.since:
                picture.unlink()

    def _kept(self) -> Iterator[str]:
        for line in self.tracker.read_text(encoding="utf-8").splitlines(keepends=True):
            try:
                step = json.loads(line)["step"]
            except ValueError:
                continue  # half a line, as a machine that loses power may leave it
            if step <= self.since:
                yield line

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Write the hyperparameters."""
        with replacing(self.folder / "hyperparameters.json") as temporary:
            temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")

    def log(self, values: Mapping[str, float], step: int | None = None, **kwargs: Any) -> None:
        """Append a line, whole; JSON has no NaN and no infinity: null."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        with self.tracker.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **finite}) + "\n")

    def log_images(self, values: Mapping[str, np.ndarray], step: int, **kwargs: Any) -> None:
        """Write the first picture of each entry, of 8-bit pictures (N, H, W, 3)."""
        for name, pictures in values.items():
            with replacing(self.folder / f"{name}-{step:0{DIGITS}}.png") as temporary:
                Image.fromarray(pictures[0]).save(temporary, format="png")
