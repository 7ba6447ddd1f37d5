"""`python -m varscale`: the command `varscale`."""

from __future__ import annotations

import sys

from varscale.cli import main

if __name__ == "__main__":
    sys.exit(main())
