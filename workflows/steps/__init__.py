"""One file a step kind. A step is `async (place, step) -> None`; its result goes into the frame's scope."""
