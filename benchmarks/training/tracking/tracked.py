"""What a training tells its trackers, and when."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker
from PIL import Image

from benchmarks.training.loop import Progress, TrainingError, TrainingLoop, learning_rate
from benchmarks.training.tracking.jsonl import JsonlTracker
from benchmarks.training.tracking.names import TrackerName
from storage.paths import StrPath
from storage.whole_files import replacing

GRIDS = 10
"""Times in a training that sample pictures are logged: at every tenth of its steps, and so at the end."""

Tell = Callable[[Progress], None]


@contextmanager
def tracked(
    on_progress: Tell,
    names: Sequence[TrackerName],
    folder: StrPath,
    trainer: TrainingLoop[Any],
    hyperparameters: Mapping[str, Any],
    samples: Callable[[], Image.Image],
) -> Iterator[Tell]:
    """What to call on a training's progress in the place of `on_progress`, for trackers to have curves and samples too.

    Values are those that the progress has anyway, and the first process alone writes.

    Args:
        on_progress: Called first.
        names: Of the trackers; without any `on_progress` is all that is called.
        folder: What each of them writes lies below.
        trainer: At the step that it goes on from: later ones that were logged before a kill are dropped.
        hyperparameters: Nested; told once, as the training begins.
        samples: Draws the picture that shows how far the model is.

    Raises:
        TrainingError: a tracker does not start.
    """
    if not names or not trainer.accelerator.is_main_process:
        yield on_progress
        return
    train, shown = trainer.train, trainer.step * GRIDS // trainer.train.steps
    with ExitStack() as stack:
        trackers = []
        for name in dict.fromkeys(names):
            trackers.append(_started(name, Path(folder), trainer.run, trainer.step))
            stack.callback(trackers[-1].finish)
            if trainer.step == 0:
                trackers[-1].store_init_configuration(dict(_flat(hyperparameters)))

        def tell(now: Progress) -> None:
            nonlocal shown
            on_progress(now)
            if now.step * GRIDS // train.steps > shown:
                shown = now.step * GRIDS // train.steps
                pictures = {}
                with suppress(ValueError):  # of a model that has diverged: the next step says what to do
                    pictures = {"samples": np.asarray(samples())[None]}
                for tracker in trackers:
                    tracker.log_images(pictures, now.step)
            rate = learning_rate(train, now.step - 1)
            values = {"learning_rate": rate, "images_per_second": now.images_per_second, **now.values}
            for tracker in trackers:
                tracker.log(values, now.step)

        yield tell


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by dotted names; lists as words, which all trackers take."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", " ".join(map(str, value)) if isinstance(value, list) else value


def _started(name: TrackerName, folder: Path, run: str, since: int) -> Any:
    tracker: GeneralTracker
    if name == "jsonl":
        tracker = JsonlTracker(folder, since)
    elif name == "tensorboard":
        tracker = _TensorBoard("tensorboard", folder, purge_step=since + 1)
    else:
        tracker = _WandB(folder, run, since)
    tracker.start()
    return tracker


class _TensorBoard(TensorBoardTracker):
    """Accelerate's, with the axes of pictures as all others have them."""

    def log_images(self, values: Mapping[str, np.ndarray], step: int | None = None, **kwargs: Any) -> None:
        super().log_images(dict(values), step, dataformats="NHWC", **kwargs)


class _WandB(WandBTracker):
    """Accelerate's, of a run that goes on under its id; a training that begins anew is another one there."""

    def __init__(self, folder: Path, run: str, since: int) -> None:
        import wandb

        self.id_file, self.since = folder / "wandb-id", since
        super().__init__(
            os.environ.get("WANDB_PROJECT", "quantizer-zoo-benchmark"),
            name=run,
            id=self._id(),
            resume="allow",
            dir=str(folder),
            settings=wandb.Settings(console="off"),  # the screen has a progress bar
        )

    def _id(self) -> str:
        if not (self.since and self.id_file.exists()):
            with replacing(self.id_file) as temporary:
                temporary.write_text(uuid.uuid4().hex[:8], encoding="utf-8")
        return self.id_file.read_text(encoding="utf-8")

    def start(self) -> None:
        import wandb

        try:
            super().start()
        except wandb.Error as error:
            raise TrainingError(f"--log wandb: {error}; see `wandb login`, or set WANDB_MODE=offline") from error
