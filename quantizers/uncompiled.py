"""What a compiler is to leave alone."""

import torch

uncompiled = getattr(torch, "_disable_dynamo", torch.compiler.disable)
"""Decorator: under `torch.compile` the function runs as it is. PyTorch's own form for its optimizers; the public
`torch.compiler.disable` does the same but imports the compiler on the spot, two seconds of every program's start."""
