"""Passwords of the ERP's users, made once and kept in a file that only its owner reads."""

import json
import os
import secrets
from pathlib import Path

from infra.plant.erp.errors import ErpError

LOGINS = ("admin", "mos_product", "plant_reader", "plant_sales")


def generate() -> dict[str, str]:
    """Return a new password for every login."""
    return {login: secrets.token_urlsafe(18) for login in LOGINS}


def ensure_credentials(path: Path) -> dict[str, str]:
    """Return the passwords in ``path`` (JSON, {login: password}); make the file if it is missing."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(generate(), file, indent=1)
        made.replace(path)
    try:
        found = json.loads(path.read_text())
        return {login: str(found[login]) for login in LOGINS}
    except (ValueError, KeyError, TypeError) as error:
        raise ErpError(f"The credentials file {path} is damaged ({error}). Delete it to get new passwords.") from error
