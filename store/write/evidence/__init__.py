"""Writing the audit, dossiers, pictures."""
