"""The quantizer contract as checks that anybody can run on their own quantizer.

check_quantizer(lambda: MyQuantizer(dim=8))
python -m quantizers.testing my_package.my_module:MyQuantizer dim=8
"""

from quantizers.testing import shapes, gradients, state, compiled, ranks, memory, bad_input  # noqa: F401, I001 -- order of CHECKS
from quantizers.testing.contract import CHECKS, Check, ContractError, Make

__all__ = ["CHECKS", "Check", "ContractError", "Make", "check_quantizer"]


def check_quantizer(make: Make) -> None:
    """Run every line of the contract on the quantizer that `make` builds.

    Args:
        make: builds a fresh quantizer; its class must be importable, as two processes are started with it.

    Raises:
        ContractError: names the first line that fails, and how.
    """
    for check in CHECKS.values():
        try:
            check.run(make)
        except ContractError as error:
            raise ContractError(f"{check.name} ({check.line}): {error}") from None
        except Exception as error:
            raise ContractError(f"{check.name} ({check.line}): {type(error).__name__}: {error}") from error
