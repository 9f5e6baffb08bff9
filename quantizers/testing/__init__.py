"""The quantizer contract as checks that anybody can run on their own quantizer.

check_quantizer(lambda: MyQuantizer(dim=8))
python -m quantizers.testing my_package.my_module:MyQuantizer dim=8
"""

from quantizers.testing import (  # noqa: F401, I001 -- the order of CHECKS
    shapes,
    decoding,
    gradients,
    precision,
    start,
    state,
    compiled,
    device,
    ranks,
    memory,
    bad_input,
    options,
)
from quantizers.testing.contract import CHECKS, Check, ContractError, Make

__all__ = ["CHECKS", "Check", "ContractError", "Make", "check_quantizer"]


def check_quantizer(make: Make) -> dict[str, str]:
    """Run every line of the contract on the quantizer that `make` builds.

    Args:
        make: builds a fresh quantizer; its class must be importable, as two processes are started with it.

    Returns:
        The lines that are not asked of it, by name, with what it declares that makes it so.

    Raises:
        ContractError: names the first line that fails, and how.
    """
    exempt = {}
    for check in CHECKS.values():
        try:
            reason = check.exempt(make())
            if reason:
                exempt[check.name] = reason
            else:
                check.run(make)
        except ContractError as error:
            raise ContractError(f"{check.name} ({check.line}): {error}") from None
        except Exception as error:
            raise ContractError(f"{check.name} ({check.line}): {type(error).__name__}: {error}") from error
    return exempt
