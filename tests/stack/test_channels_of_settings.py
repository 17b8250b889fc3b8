"""Which channels there are follows from the settings; half of them, or wrong ones, are refused (C6)."""

import pytest
from pydantic import SecretStr

from domain.errors import ConfigError
from domain.rosters.people import ChannelName
from infra.connect import Connection, channels
from infra.settings import Settings, SlackSettings, SmtpSettings, TwilioSettings

TOKEN = "very-secret-auth-token"
SID = "HX" + "a" * 32


def settings(**more: object) -> Settings:
    """Twilio with SMS only, and what the test adds (settings fields and the mail server)."""
    given = {"account_sid": "AC" + "a1" * 16, "auth_token": SecretStr(TOKEN), "TWILIO_FROM": "+420910000001"}
    smtp = {name: value for name, value in more.items() if name in SmtpSettings.model_fields or name == "MOS_SMTP_FROM"}
    twilio = {name: value for name, value in more.items() if name not in smtp}
    return Settings(
        public_url="https://mos.example.com",
        slack=SlackSettings(bot_token=None),
        twilio=TwilioSettings.model_validate({**given, **twilio}),
        smtp=SmtpSettings.model_validate(smtp),
    )


def test_sms_and_calls_by_one_number_and_no_more() -> None:
    assert set(channels(settings())) == {ChannelName.SMS, ChannelName.VOICE}
    assert set(channels(settings(voice=False))) == {ChannelName.SMS}


def test_whatsapp_and_email_where_they_are_set() -> None:
    found = channels(settings(whatsapp_from="+420910000002", host="127.0.0.1", MOS_SMTP_FROM="mos@example.com"))
    assert set(found) == {ChannelName.SMS, ChannelName.VOICE, ChannelName.WHATSAPP, ChannelName.EMAIL}


def test_half_a_mail_server_is_refused() -> None:
    with pytest.raises(ConfigError, match="MOS_SMTP_FROM"):
        channels(settings(host="127.0.0.1"))


def test_templates_come_from_the_sites_connectors() -> None:
    said = Connection(name="twilio", kind="twilio", role="channel", config={"contents": {"task.en": SID}})
    assert ChannelName.WHATSAPP in channels(settings(whatsapp_from="+420910000002"), [said])
    for config in ({"contents": {"task": SID}}, {"contents": {"task.en": "HX1"}}, {"nonsense": 1}):
        with pytest.raises(ConfigError, match="connector 'twilio'") as caught:
            channels(settings(), [Connection(name="twilio", kind="twilio", role="channel", config=config)])
        assert TOKEN not in str(caught.value)


def test_a_site_document_cannot_say_whose_account_it_is() -> None:
    said = Connection(name="twilio", kind="twilio", role="channel", config={"api_base": "https://evil.example"})
    found = channels(settings(), [said])[ChannelName.SMS]
    assert "evil" not in repr(vars(found))
