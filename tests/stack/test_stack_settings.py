"""Settings: read once, from the environment only, with one line for what is wrong."""

import os
from pathlib import Path

import pytest

from domain.errors import ConfigError
from infra.settings import load_settings, running_environment_file
from infra.stack.folder import DataFolder
from infra.stack.part import Part
from infra.stack.parts import Ground, assemble, own_part


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("MOS_", "SLACK_", "TWILIO_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MOS_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("MOS_API_PORT", "70000", "MOS_API_PORT: "),
        ("MOS_DATABASE_URL", "mysql://x", "MOS_DATABASE_URL: must look like postgresql://"),
        ("MOS_MQTT_URL", "host:1883", "MOS_MQTT_URL: must look like mqtt://"),
        ("MOS_TEMPORAL_ADDRESS", "host", "MOS_TEMPORAL_ADDRESS: must look like host:7233"),
        ("MOS_TEMPORAL_TLS_CERT", "c.pem", "set both MOS_TEMPORAL_TLS_CERT and MOS_TEMPORAL_TLS_KEY"),
        ("SLACK_API_BASE", "slack.com", "SLACK_API_BASE: must start with http"),
        ("TWILIO_API_BASE", "x", "TWILIO_API_BASE: must start with http"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert message in error.value.message
    assert "\n" not in error.value.message


def test_empty_values_are_unset_and_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOS_API_PORT", "")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("TWILIO_FROM", "+420555000111")
    settings = load_settings()
    assert settings.api_port is None
    assert settings.twilio.from_ == "+420555000111"
    assert "xoxb-secret" not in repr(settings)


def test_a_command_beside_a_running_stack_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = running_environment_file(tmp_path / "data")
    file.parent.mkdir(parents=True)
    file.write_text("MOS_DATABASE_URL='postgresql://mos:a$b@h:1/mos'\nMOS_API_PORT='81'\nTWILIO_FROM='+42'\n")
    monkeypatch.setenv("MOS_API_PORT", "82")

    settings = load_settings(running=True)

    assert settings.sqlalchemy_url() == "postgresql+psycopg://mos:a$b@h:1/mos"
    assert settings.twilio.from_ == "+42"
    assert settings.api_port == 82, "what the operator sets here counts more"
    assert load_settings().database_url is None


def test_no_database_says_how_to_get_one() -> None:
    with pytest.raises(ConfigError, match="mos up"):
        load_settings().sqlalchemy_url()


def test_the_product_is_told_where_everything_is_and_extra_parts_can_add() -> None:
    settings = load_settings()
    folder = DataFolder(settings.data_dir)
    folder.prepare(0)

    def phones(ground: Ground) -> list[Part]:
        ground.product_env["SLACK_API_BASE"] = f"http://127.0.0.1:{ground.ports.take('phones')}/api/"
        return [own_part(ground, "phones", ["phones"])]

    stack = assemble(settings, folder, without=["listener"], extra_parts=[phones])
    stack.save()

    parts = {part.name: part for part in stack.parts}
    assert list(parts) == ["postgres", "temporal", "mqtt", "phones", "schema", "api", "worker"]
    assert parts["worker"].after == ("schema", "temporal")
    told = load_settings(running=True)
    assert told.slack.api_base == parts["api"].env["SLACK_API_BASE"]
    assert told.public_url == f"http://{parts['api'].address}"
    assert told.webhook_secret is not None
    assert told.webhook_secret.get_secret_value().startswith("whsec_")
    again = assemble(settings, folder)
    assert again.ground.product_env["MOS_WEBHOOK_SECRET"] == told.webhook_secret.get_secret_value()
    assert again.ground.product_env["MOS_API_PORT"] == stack.ground.product_env["MOS_API_PORT"]


def test_an_unknown_part_to_leave_out_is_refused() -> None:
    settings = load_settings()
    with pytest.raises(ConfigError, match="No product part is named wroker: the parts are api, worker, listener"):
        assemble(settings, DataFolder(settings.data_dir), without=["wroker"])
