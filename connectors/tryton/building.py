"""Which of the two: a Tryton with our module, or one without."""

from collections.abc import Mapping

from connectors.tryton.bare.connector import BareTryton
from connectors.tryton.bare.connector import build as bare
from connectors.tryton.config import TrytonConfig
from connectors.tryton.connector import TrytonSystem
from connectors.tryton.connector import build as whole


def build(config: TrytonConfig, secrets: Mapping[str, str]) -> TrytonSystem | BareTryton:
    """`secrets["password"]`: of `config.user`."""
    return whole(config, secrets) if config.module else bare(config, secrets)
