"""The in-memory simulator: the very interpreter that runs in production, on a virtual clock, without side effects.

    erp = SimulatedSystem("erp", {"erp.lot": {...}}, outages=[Outage(a, b)])
    plant = Plant(roster, "Europe/Prague", {"erp": erp}, renders=False)   # renders=False: faster, no texts
    story = simulate(given, plant, cast, happenings)      # given: ExceptionInput
    story.ending, story.entries, story.pages, story.postings, story.decisions, story.answers, story.last

    simulate(..., renew_after=1)            # continue as new after every effect: the story must be the same
    Opener(definition, site, parameters, calendar).first(signals)   # -> Opening(given, joins), or None

It is synchronous, deterministic, and needs no event loop, server, file or database; one run is one call, and runs share
nothing but the `Plant` that they are given. Modules:

- `clock`      VirtualLoop: asyncio's tasks on a clock that jumps; conditions are looked at as Temporal does
- `plant`      Plant and SimulatedSystem: people, and how the systems answer, are down, are slow, refuse
- `cast`       Cast, Deed: how people answer what they are asked; Happenings: signals that join, commands,
               answers by people who were not asked
- `effects`    Effects: what each effect does to this world, given the time; also behind Temporal's activities in
               `mos test --temporal`. What it saw is the `Story`
- `runtime`    SimulatedRuntime: the interpreter's port
- `simulation` simulate(): one exception from opening to end; can renew (save and restore) after every n effects
- `opening`    Opener: which signals open and join, as intake decides it
"""
