"""What is asked for and cannot be."""

from typing import get_args

import pytest

from autoencoders.pictures.sizes import PictureBackboneName
from benchmarks.training.arguments import parse
from benchmarks.training.planning import plan


@pytest.mark.parametrize("backbone", get_args(PictureBackboneName))
def test_channels_of_pictures_are_no_flag(backbone: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--preset", "smoke", "--backbone", backbone]
    assert plan(parse(flags))
    with pytest.raises(SystemExit):
        parse([*flags, "--model.in-channels", "3"])
    assert "--model.in-channels" in capsys.readouterr().err
