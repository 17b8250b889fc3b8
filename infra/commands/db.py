"""`mos db`: the schema."""

import typer

from infra.settings import load_settings
from store.migrate import upgrade as apply

app = typer.Typer(no_args_is_help=True, help="The database's schema.")


@app.callback()
def _root() -> None:
    """Database commands."""


@app.command()
def upgrade() -> None:
    """Apply all migrations; safe to call again."""
    settings = load_settings(running=True)
    settings.sqlalchemy_url()
    if settings.database_url is not None:
        apply(settings.database_url.get_secret_value())
