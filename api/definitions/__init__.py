"""Definitions: their pages, drafts, checks, trials, agents."""
