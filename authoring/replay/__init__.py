"""Replay: a definition run against recorded signals, without side effects, and the difference that it makes.

    recording = await recorded.read(session, "breakdown", since, until)      # or reading.read(path, site)
    before, after = running.happened(recording), running.replay(definition, recording, place, processes=2)
    report = comparing.report(before, after, ...)                            # plain JSON
    rendering.text(report), rendering.html(report)

Modules:

- `model`       what was recorded, and Case: an exception as it happened, or as a version would have handled it
- `recorded`    from the store: inbox, outbox, timeline, decisions, ledger, what a version saw from the shadow
- `reading`     from a JSON Lines or CSV file
- `correlating` which signals open an exception and which join it, key by key, as intake does
- `answering`   people answer as they did; where nothing is recorded, as a stated model says
- `running`     the cases of a version, in this process or in several
- `console`     replay(): bounded, in a process of its own, for a page that waits for it
- `comparing`   the difference report as data; `load` the alarm budget; `rendering` as text and HTML
"""
