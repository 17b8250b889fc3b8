"""The console's editor, where it was built; without it the page is a plain text field with the same live check."""

from api.rendering import STATIC

EDITOR = STATIC / "build" / "editor.js"


def present() -> bool:
    """Looked at for each page: it may be built while the console runs."""
    return EDITOR.is_file()
