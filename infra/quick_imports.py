"""Starting fast: thousands of objects are made while modules are imported, and hardly one of them is garbage."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import within: nothing is collected meanwhile, and what was made is never looked at again (gc.freeze).

    Saves a tenth of an import's processor time, and each later full collection the walk over all modules.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
