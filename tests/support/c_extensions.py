"""Extensions in C, built and loaded without being installed."""

import subprocess
import sysconfig
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType


def built(folder: Path, name: str) -> ModuleType:
    """The module of `name`.c in a folder, where its library is then too."""
    library = folder / f"{name}.so"
    include = sysconfig.get_paths()["include"]
    options = ["-O2", "-shared", "-fPIC", f"-I{include}", f"{name}.c", "-o", str(library), "-ldl"]
    subprocess.run(["cc", *options], cwd=folder, check=True)
    loader = ExtensionFileLoader(name, str(library))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
