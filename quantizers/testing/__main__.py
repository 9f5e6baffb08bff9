"""Check a quantizer against the contract from the command line.

python -m quantizers.testing fsq --bits 10
python -m quantizers.testing my_package.my_module:MyQuantizer dim=8 beta=0.5
"""

import argparse
import ast
import sys
from functools import partial
from typing import Any

from quantizers.registry import create_quantizer
from quantizers.testing import CHECKS


def _option(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def main() -> int:
    """Print a line per check; return 0 if all hold, 1 if one fails, 2 if the quantizer cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m quantizers.testing", description="Check the quantizer contract.")
    parser.add_argument("quantizer", help="a registered name, or package.module:Class")
    parser.add_argument("options", nargs="*", type=_option, metavar="name=value", help="constructor options")
    parser.add_argument("--bits", type=int, help="bits per position")
    arguments = parser.parse_intermixed_args()
    make = partial(create_quantizer, arguments.quantizer, bits=arguments.bits, **dict(arguments.options))
    try:
        make()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    failed = exempt = 0
    for check in CHECKS.values():
        try:
            reason = check.exempt(make())
            if reason:
                exempt += 1
                print(f"n/a    {check.name}: {check.line}\n       not asked of it: {reason}", flush=True)
                continue
            check.run(make)
        except Exception as error:
            failed += 1
            print(
                f"FAILED {check.name}: {check.line}\n       {type(error).__name__}: {str(error).splitlines()[0]}",
                flush=True,
            )
        else:
            print(f"ok     {check.name}: {check.line}", flush=True)
    asked = len(CHECKS) - exempt
    not_asked = f" ({exempt} of {len(CHECKS)} are not asked of it)" if exempt else ""
    print(f"{asked - failed} of {asked} lines of the contract hold{not_asked}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
