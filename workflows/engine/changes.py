"""What came with which generation of the interpreter (`workflows.engine.generations`): the commands that older
exceptions must not make."""

ASKS_AGAIN = 2
"""A task that its holder declined is asked anew, by messages of its own."""
CALLS_OWNER = 2
"""When nobody is left to ask, or everybody's time is over, the site's owner hears of it."""
LINES_WITH_EFFECTS = 3
"""Whom an effect found, and that something is being posted, is written by the effect itself; an older exception calls
`record` for it."""
LIMIT_ON_DEMAND = 3
"""The overall limit has a timer of its own only while nothing else wakes the exception before (`engine.limit`), and the
time for which the exception was paused does not count. In an older one it begins with the run, and pauses count."""
HANDS_BACK = 3
"""What was taken over by hand can be handed back: its tasks are asked anew. In an older one they are over."""
