"""The simulated site: real protocol peers in their own processes."""

import gc
import sys

if sys.argv[0] == "-m":
    # Python looks in here for the module it was told to run: a peer begins. Next to nothing that importing makes is
    # garbage, and looking for it takes a sixth of the time; `loaded` lets the collector start.
    gc.disable()


def loaded() -> None:
    """Everything is imported: it stays, the collector need not look at it again."""
    gc.freeze()
    gc.enable()
