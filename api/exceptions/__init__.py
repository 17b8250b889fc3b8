"""One exception: its page, answers, steering, shelving, pictures, dossier."""
