"""Reading the audit, dossiers, pictures."""
