"""What the demo writes into its data folder before anything starts: who, what is connected, and where everything is."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from infra.plant.catalogue import load_catalogue
from infra.stack.folder import write_private
from infra.stack.keys import account_sid, hex_token, random_token
from infra.stack.parts import Ground

SITE = Path(__file__).parent / "site"
TEAM, APP, BOT = "T0HAVEL01", "A0ROUTER1", "U0ROUTER01"
FROM_NUMBER, WHATSAPP_SENDER, FROM_MAIL = "+447700900100", "+447700900109", "mos@havel.example"
# Each vendor has a port of its own beside the phones' page, so that it alone can be down.
PORTS = ("opcua", "machines", "gateway", "mes", "control", "phones", "erp", "slack", "socket", "twilio", "email")


@dataclass(frozen=True)
class Layout:
    """Folders and ports of one demo."""

    ground: Ground
    ports: dict[str, int]

    @property
    def plant(self) -> Path:
        return self.ground.folder.root / "plant"

    @property
    def site(self) -> Path:
        return self.ground.folder.root / "site"

    @property
    def anchor(self) -> str:
        """When this plant was first started, ISO 8601."""
        file = self.plant / "anchor"
        if not file.exists():
            write_private(file, datetime.now(UTC).replace(second=0, microsecond=0).isoformat())
        return file.read_text(encoding="utf-8").strip()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def secret(self, name: str) -> Path:
        return self.ground.folder.secrets / name


def lay_out(ground: Ground) -> Layout:
    """Take the ports, make the folders and secrets, write all files, and tell the product about its vendors."""
    layout = Layout(ground, {name: ground.ports.take(name, None, "") for name in PORTS})
    for folder in (layout.plant, layout.site, layout.plant / "phones", layout.plant / "erp"):
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    people = yaml.safe_load((SITE / "people.yaml").read_text(encoding="utf-8"))
    _tell_product(layout)
    write_private(layout.plant / "phones.json", json.dumps(_phones(layout, people["people"]), indent=1))
    write_private(layout.plant / "endpoints.json", json.dumps(_endpoints(layout), indent=1))
    write_private(ground.folder.run / "plant.json", json.dumps(_console(layout), indent=1))
    _write_site(layout, people)
    return layout


def _tell_product(layout: Layout) -> None:
    keys = layout.ground.keys
    layout.ground.product_env |= {
        "SLACK_API_BASE": f"{layout.url('slack')}/slack/api/",
        "SLACK_BOT_TOKEN": "xoxb-" + keys.get("slack_bot_token", hex_token),
        "SLACK_SIGNING_SECRET": keys.get("slack_signing_secret", hex_token),
        "SLACK_TEAM_ID": TEAM,
        "SLACK_APP_ID": APP,
        "TWILIO_API_BASE": f"{layout.url('twilio')}/twilio",
        "TWILIO_ACCOUNT_SID": keys.get("twilio_account_sid", account_sid),
        "TWILIO_AUTH_TOKEN": keys.get("twilio_auth_token", hex_token),
        "TWILIO_FROM": FROM_NUMBER,
        "TWILIO_WHATSAPP_FROM": WHATSAPP_SENDER,
        "TWILIO_MEDIA_ORIGINS": layout.url("twilio"),
        "MOS_SMTP_HOST": "127.0.0.1",
        "MOS_SMTP_PORT": str(layout.ports["email"]),
        "MOS_SMTP_SECURITY": "none",
        "MOS_SMTP_FROM": FROM_MAIL,
    }


def _phones(layout: Layout, people: list[dict[str, Any]]) -> dict[str, Any]:
    env, api = layout.ground.product_env, layout.ground.addresses["api"]
    return {
        "people": [_phone(person) for person in people],
        "slack": {
            "team_id": TEAM,
            "team_domain": "havel",
            "app_id": APP,
            "bot_user_id": BOT,
            "bot_token": env["SLACK_BOT_TOKEN"],
            "signing_secret": env["SLACK_SIGNING_SECRET"],
            "interactivity_url": f"{api}/slack/interactivity",
            "commands_url": f"{api}/slack/commands",
            "events_url": f"{api}/slack/events",
            "base_url": layout.url("slack"),
            "events": ["app_home_opened", "message.im"],
            "commands": ["/mos"],
            "shortcuts": [
                {"callback_id": "report", "name": "Report a problem", "type": "global"},
                {"callback_id": "report_message", "name": "Report this", "type": "message"},
            ],
        },
        "twilio": {
            "account_sid": env["TWILIO_ACCOUNT_SID"],
            "auth_token": env["TWILIO_AUTH_TOKEN"],
            "from_numbers": [FROM_NUMBER],
            "whatsapp_senders": [WHATSAPP_SENDER],
            "base_url": f"{layout.url('twilio')}/twilio",
            "media_url": layout.url("twilio"),
            "inbound_url": f"{api}/twilio/inbound",
        },
        "ports": {name: layout.ports[name] for name in ("slack", "socket", "twilio", "email")},
        "base_url": layout.url("phones"),
    }


def _phone(person: dict[str, Any]) -> dict[str, Any]:
    contacts = {contact["channel"]: contact["address"] for contact in person.get("contacts", [])}
    return {
        "name": person["name"],
        "title": person["roles"][0].replace("_", " "),
        "slack_user_id": contacts.get("slack"),
        "phone": contacts.get("sms"),
        "whatsapp": contacts.get("whatsapp"),
        "voice": contacts.get("voice"),
        "email": contacts.get("email"),
    }


def _endpoints(layout: Layout) -> dict[str, Any]:
    """For the plant's own control."""
    return {
        "data": str(layout.plant),
        "machines": layout.url("machines"),
        "gateway": layout.url("gateway"),
        "mes": layout.url("mes"),
        "erp": {
            "url": f"{layout.url('erp')}/erp/",
            "credentials": str(layout.plant / "erp-credentials.json"),
            "anchor": layout.anchor,
        },
    }


def _console(layout: Layout) -> dict[str, str]:
    """For the console's pages about the plant, and for the one who plays the demo."""
    keys = layout.ground.keys
    return {
        "phones": layout.url("phones"),
        "control": layout.url("control"),
        "token_file": str(layout.plant / "plant.token"),
        "erp_url": f"{layout.url('erp')}/erp/",
        "erp_credentials": str(layout.plant / "erp-credentials.json"),
        "api": layout.ground.addresses["api"],
        "password_file": str(layout.secret("console_password")),
        "login_note": "Demo: log in as lena (planner), grace (quality), sofia (manager) or anybody else of the plant, "
        f"with the password {keys.get('console_password', lambda: random_token()[:10])}",
    }


def _write_site(layout: Layout, people: dict[str, Any]) -> None:
    password = layout.secret("console_password").read_text(encoding="utf-8").strip()
    site = (SITE / "site.yaml").read_text(encoding="utf-8")
    write_private(layout.site / "site.yaml", site)
    write_private(layout.site / "authority.yaml", (SITE / "authority.yaml").read_text(encoding="utf-8"))
    write_private(layout.site / "people.yaml", yaml.safe_dump(people, sort_keys=False))
    write_private(layout.site / "connectors.yaml", yaml.safe_dump(_connectors(layout), sort_keys=False))
    passwords = {person["id"]: password for person in people["people"]}
    write_private(layout.plant / "passwords.yaml", yaml.safe_dump(passwords))


def _connectors(layout: Layout) -> list[dict[str, Any]]:
    """The demo site's connectors document; secrets by reference."""
    catalogue = load_catalogue()
    units = [unit.id for unit in catalogue.work_units if unit.speaks == "opcua"]
    planned = [reason.code for reason in catalogue.stop_reasons if reason.kind == "planned"]
    mqtt = layout.ground.addresses["mqtt"].removeprefix("mqtt://")
    plant = layout.plant
    return [
        {
            "name": "erp",
            "kind": "tryton",
            "role": "erp",
            "config": {
                "url": layout.url("erp"),
                "database": "erp",
                "user": "mos_product",
                "timezone": catalogue.site.timezone,
            },
            "secrets": {"password": f"file:{plant / 'erp-product.password'}"},
        },
        {
            "name": "mes",
            "kind": "mes_http",
            "role": "mes",
            "config": {"url": layout.url("mes")},
            "secrets": {"token": f"file:{plant / 'mes.token'}"},
        },
        {
            "name": "machines",
            "kind": "opcua",
            "role": "source",
            "config": {
                "url": f"opc.tcp://127.0.0.1:{layout.ports['opcua']}/havel/brno",
                "machines": [_packml(unit) for unit in units],
                "user": "mos",
                "certificate_folder": str(layout.ground.folder.root / "opcua"),
                "server_certificate": str(plant / "opcua-server.der"),
                "planned_reasons": planned,
                "reconnect_max_delay": 2,
            },
            "secrets": {"password": f"file:{plant / 'opcua.password'}"},
        },
        {
            "name": "uns",
            "kind": "mqtt",
            "role": "source",
            "config": {
                "host": mqtt.split(":")[0],
                "port": int(mqtt.split(":")[1]),
                "client_id": "mos-listener",
                "states": "havel/brno/+/+/{equipment}/status",
                "gateways": "havel/brno/_gateways/{gateway}/status",
                "planned_reasons": planned,
            },
        },
    ]


def _packml(unit: str) -> dict[str, str]:
    base = f"ns=2;s={unit}"
    return {
        "equipment": unit,
        "state": f"{base}.Status.StateCurrent",
        "unit_mode": f"{base}.Status.UnitModeCurrent",
        "stop_code": f"{base}.Admin.StopReason",
        "stop_reason": f"{base}.Admin.StopReasonText",
        "blocked": f"{base}.Status.EquipmentBlocked",
        "starved": f"{base}.Status.EquipmentStarved",
        "source_node": base,
    }
