"""Pictures to train and to test on: bundled photographs, folders, and data sets by name.

    data = open_data(DataConfig(source="photographs", image_size=32))
    for batch in training_batches(data, batch_size=32, seed=0, start_step=0, steps=500): ...
    for indices, batch in test_batches(data, batch_size=64): ...

A batch is uint8 of shape (B, 3, image_size, image_size). `transforms` has the crops, also the protocol's
`centre_crop`; `photographs`, `folder` and `named` the sources; `sampling` says which sample shows what;
`opening` checks and describes; `batches` loads; `pairs` are folders of originals and reconstructions.
"""

from benchmarks.data.batches import pair_batches, test_batches, training_batches
from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.opening import Data, EvaluationData, Part, open_data, open_evaluation_data, open_part
from benchmarks.data.pairs import PicturePairs, open_pairs
from benchmarks.data.transforms import centre_crop, to_rgb, to_tensor

__all__ = [
    "Data",
    "DataConfig",
    "DataError",
    "EvaluationData",
    "Part",
    "PicturePairs",
    "centre_crop",
    "open_data",
    "open_evaluation_data",
    "open_pairs",
    "open_part",
    "pair_batches",
    "test_batches",
    "to_rgb",
    "to_tensor",
    "training_batches",
]
