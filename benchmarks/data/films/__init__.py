"""Films to train and to test on: in folders, tar files and data sets by name, and textures that a program moves.

    data = open_films(FilmConfig(source="films", frame_size=64, frames_per_second=12))
    for batch in training_batches(data, batch_size=8, seed=0, start_step=0, steps=500): ...
    for place, clip in items_to_test(data): ...

A clip is uint8, (3, clip_frames, frame_size, frame_size); a batch of training clips has B of them. `reading` has the
rules from a file to frames, `sources` says what films are, which `benchmarks.data.finding` finds in `files` and
`moving` makes of pictures; `opening` checks and describes; `training_batches` and `items_to_test` of `benchmarks.data`
load.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
