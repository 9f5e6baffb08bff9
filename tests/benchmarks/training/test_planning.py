"""What is asked for and cannot be."""

from typing import get_args

import pytest

from autoencoders.pictures.sizes import BackboneName
from benchmarks.command_line.usage import UsageError
from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan


@pytest.mark.parametrize("backbone", get_args(BackboneName))
def test_other_pictures_than_rgb_are_refused(backbone: str) -> None:
    flags = ["--preset", "smoke", "--backbone", backbone]
    assert plan(parse(flags))
    with pytest.raises(UsageError, match="pictures are read, measured and shown as RGB"):
        plan(parse([*flags, "--model.in-channels", "1"]))
