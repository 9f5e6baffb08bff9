"""What belongs to one kind of signal in a run: its data, loss, protocol, baselines, the samples that are shown, and
what its codes are stored and modelled as.

signal      what each of them says
pictures    pictures and their baselines
sounds      sounds and theirs
films       films and theirs

A run names its signal by the type of its data; `signal_of` is the one place that turns it into what is done.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
