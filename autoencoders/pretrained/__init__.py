"""Tokenizers that others trained: their files read, their names turned into ours.

`files` reads tensors without running anything; each of the other modules knows the names of one code base, and
`registry` has them all by name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
