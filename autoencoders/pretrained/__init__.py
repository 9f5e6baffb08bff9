"""Tokenizers that others trained: their files read, their names turned into ours.

`files` reads tensors without running anything; each of the other modules knows the names of one code base.
"""

from autoencoders.pretrained.diffusers import load_diffusers
from autoencoders.pretrained.files import WeightsError, read_tensors
from autoencoders.pretrained.taming import load_taming

__all__ = ["WeightsError", "load_diffusers", "load_taming", "read_tensors"]
