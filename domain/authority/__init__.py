"""Who may decide what, and what a signature says."""
