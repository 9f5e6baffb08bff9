"""The shapes in the signatures are checked at run time in all tests, by `tests/support/shape_checks.py`."""

import re
from collections.abc import Iterator

import jaxtyping
import pytest

UNCHECKED = re.compile("compile|checkpointing|bad|cannot|broken|refuse|wrong|unknown")
"""Dynamo cannot trace the check, and tests of bad input are to see our own errors, not the check's."""


@pytest.fixture(autouse=True)
def _shapes_checked(request: pytest.FixtureRequest) -> Iterator[None]:
    jaxtyping.config.update("jaxtyping_disable", UNCHECKED.search(request.node.name) is not None)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
