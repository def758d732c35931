"""`edgenas` and `python -m edgenas`."""

from __future__ import annotations

import sys


def main() -> None:
    from edgenas.cli.app import run
    from edgenas.cli.ending import run_ended

    sys.exit(run_ended(lambda: run(sys.argv[1:])))


if __name__ == "__main__":
    main()
