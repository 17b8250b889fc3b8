"""Stand-in phones that speak the vendors' wire protocols."""

import gc
import sys

if sys.argv[0] == "-m":
    # Python looks in here for the module it was told to run: the phones begin. Next to nothing that importing makes is
    # garbage, and looking for it takes a sixth of the time; `loaded` lets the collector start.
    gc.disable()


def loaded() -> None:
    """Everything is imported: it stays, the collector need not look at it again."""
    gc.freeze()
    gc.enable()
