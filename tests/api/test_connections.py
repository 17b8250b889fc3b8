"""How systems are connected, as administrators see it: nothing that is secret (C7)."""

import pytest

from api.ledger.connections import connections, settings

DOCUMENT = [
    {"name": "books", "kind": "tryton", "role": "erp", "secrets": {"password": "file:/run/secrets/erp"},
     "config": {"url": "https://robot:hunter2@erp.example/x", "database": "plant", "api_key": "k3y",
                "zones": {"token": "t0p", "plant": "Europe/Prague"}, "timeouts": [1, 2],
                "headers": [{"name": "X-Plant", "password": "l1st"}]}},
    {"name": "floor", "kind": "no_such_kind", "role": "mes", "config": {}},
    {"name": "chat", "kind": "slack", "role": "channel"},
]  # fmt: skip


def test_settings_are_told_and_secrets_are_not() -> None:
    (erp,) = connections(DOCUMENT, "erp")
    assert (erp.name, erp.settings["database"], erp.settings["zones.plant"]) == ("books", "plant", "Europe/Prague")
    assert erp.settings["timeouts"] == "1, 2"
    assert "X-Plant" in erp.settings["headers"]
    assert erp.secrets == {"password": "file"}
    told = str(erp)
    for secret in ("hunter2", "robot", "k3y", "t0p", "l1st", "/run/secrets"):
        assert secret not in told
    assert "erp.example" in told


@pytest.mark.parametrize(
    "written, shown",
    [
        ("https://erp.example/x?api=s3cr3t&y=1", "https://erp.example/x?••••••"),
        ("https://erp.example/x#s3cr3t", "https://erp.example/x#••••••"),
        ("https://robot:p@ss@erp.example/x", "https://••••••@erp.example/x"),
        ("mqtt://:s3cr3t@broker.example", "mqtt://••••••@broker.example"),
        ("/orders?status=open&access_token=s3cr3t", "/orders?status=open&access_token=••••••"),
        ("https://erp.example/x", "https://erp.example/x"),
    ],
)
def test_no_secret_in_an_address_is_told(written: str, shown: str) -> None:
    assert settings({"address": written}) == {"address": shown}
    assert settings({"of": [written, {"at": written}]})["of"].count(shown) == 2


def test_a_kind_that_is_not_there_is_shown_all_the_same() -> None:
    (mes,) = connections(DOCUMENT, "mes")
    assert (mes.title, mes.capabilities) == ("no_such_kind", ())
    assert connections(None, "erp") == []
    assert settings({"empty_token": ""}) == {"empty_token": ""}
