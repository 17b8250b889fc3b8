"""Every way in, for signals and for people's answers."""
