"""The dossier of one exception as PDF."""
