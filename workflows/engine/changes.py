"""What came with which generation of the interpreter (`workflows.engine.generations`): the commands that older
exceptions must not make."""

ASKS_AGAIN = 2
"""A task that its holder declined is asked anew, by messages of its own."""
CALLS_OWNER = 2
"""When nobody is left to ask, or everybody's time is over, the site's owner hears of it."""
