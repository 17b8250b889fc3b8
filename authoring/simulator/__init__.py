"""The in-memory simulator: the very interpreter that runs in production, on a virtual clock, without side effects.

    plant = Plant(roster, "Europe/Prague", {"erp": SimulatedSystem("erp", {"erp.lot": {...}}, down=[Outage(a, b)])})
    told = simulate(given, plant, cast, happenings)      # given: ExceptionInput
    told.ending, told.entries, told.pages, told.postings, told.decisions, told.answers, told.last

It is synchronous, deterministic, and needs no event loop, server, file or database; one run is one call, and runs share
nothing but the `Plant` that they are given. Modules:

- `clock`      VirtualLoop: asyncio's tasks on a clock that jumps; conditions are looked at as Temporal does
- `plant`      Plant and SimulatedSystem: people, and how the systems answer, are down, are slow, refuse
- `cast`       Cast, Deed: how people answer what they are asked; Join and Deed-without-asking as Happenings
- `effects`    Effects: what each effect does to this world, given the time; also behind Temporal's activities in
               `mos test --temporal`. Without effects of its own it keeps what it saw in `Told`
- `runtime`    SimulatedRuntime: the interpreter's port
- `simulation` simulate(): one exception from opening to end; can renew (save and restore) after every n effects
- `opening`    Opener: which signals open and join, as intake decides it
"""
