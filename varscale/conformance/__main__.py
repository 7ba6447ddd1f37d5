"""`python -m varscale.conformance`."""

import sys

from varscale.conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
