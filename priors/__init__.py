"""Distributions over the codes of a tokenizer: what makes new pictures, and what their codes truly cost."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
