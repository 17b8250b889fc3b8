"""Reading definitions: versions, rollouts, what is recorded for their authors."""
