"""What checks the shapes in the signatures while the tests run (`--jaxtyping-packages` in pyproject.toml)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""beartype, taking an int for a float as the type checkers do."""
