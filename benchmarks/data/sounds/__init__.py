"""Sounds to train and to test on: in folders, tar files and data sets by name, and made by a program.

    data = open_sounds(SoundConfig(source="recordings", sample_rate=16_000))
    for batch in training_batches(data, batch_size=16, seed=0, start_step=0, steps=500): ...
    for place, sound in items_to_test(data): ...

A sound is float32, (channels, samples) in [-1, 1]; a batch of training crops (B, channels, crop_samples). `reading` has
the rules from a file to that, `sources` says what sounds are, which `benchmarks.data.finding` finds in `files` and
`synthetic` makes; `opening` checks and describes; `training_batches` and `items_to_test` of `benchmarks.data` load.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
