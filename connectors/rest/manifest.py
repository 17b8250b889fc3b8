"""What the REST connector is. Its queries and outcomes are those of its mapping: `manifest_for` says which."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from connectors.roles import Manifest, System
from domain.errors import ConfigError
from domain.language import misfits
from domain.values import Json

MANIFEST = Manifest(
    name="rest",
    title="Any system with a JSON interface, by a declared mapping",
    roles=("system",),
    extra="",
    secrets=("token",),
    capabilities=("preview",),
)


def manifest_for(settings: Mapping[str, Json]) -> Manifest:
    """The manifest of one connection by its settings. Raises ConfigError."""
    from connectors.rest.mapping import RestMapping
    from domain.queries import VOCABULARY

    try:
        mapping = RestMapping.model_validate(settings.get("mapping", {}))
    except ValidationError as error:
        raise ConfigError(f"connector 'rest': mapping: {misfits.first(error, RestMapping, hidden=True)}") from None
    return replace(
        MANIFEST,
        queries={name: tuple(VOCABULARY.queries[name].arguments.fields) for name in mapping.queries},
        outcomes=dict.fromkeys([*mapping.outcomes, *(["cancel_documents"] if mapping.takes_back else [])], ()),
        capabilities=(
            "preview",
            *(["reverse"] if mapping.takes_back else []),
            *(["reconcile"] if mapping.postings else []),
        ),
    )


def build(settings: Mapping[str, Json]) -> System:
    """The System for these settings (see config.py), its secrets among them by name. Imports what it needs here."""
    from connectors.rest.config import RestConfig
    from connectors.rest.connector import build as make

    secrets = {name: str(settings[name]) for name in MANIFEST.secrets if name in settings}
    plain = {name: value for name, value in settings.items() if name not in MANIFEST.secrets}
    return make(RestConfig.model_validate(plain), secrets)
