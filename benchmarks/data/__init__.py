"""Pictures to train and to test on: bundled photographs, folders, tar files, and data sets by name.

    data = open_data(DataConfig(source="photographs", image_size=32))
    for batch in training_batches(data, batch_size=32, seed=0, start_step=0, steps=500): ...
    for indices, batch in test_batches(data, batch_size=64): ...

A batch is uint8 of shape (B, 3, image_size, image_size). `transforms` has the crops, also the protocol's
`centre_crop`; `sources` finds what is named, which `photographs`, `from_torchvision` and `finding` open, the last of
these files of any signal, in a `folder`, `from_tars` or `from_huggingface`; `sampling` says which sample shows what;
`opening` checks and describes; `batches` loads; `pairs` are folders of originals and reconstructions.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
