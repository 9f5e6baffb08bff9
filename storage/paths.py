"""What stands for a path wherever a public function takes one."""

import os
from typing import TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]
"""As the standard library takes paths."""
