"""The demo's extra processes: plant, ERP, phones, and the push of the demo site's documents."""

import sys
from collections.abc import Sequence
from pathlib import Path

from infra.demo.files import Layout, lay_out
from infra.plant.erp.credentials import ensure_credentials
from infra.stack import probes
from infra.stack.folder import write_private
from infra.stack.part import Part
from infra.stack.parts import Ground, own_part

CACHE = Path(__file__).resolve().parents[2] / ".cache"
PUBLISH = "publish"
_WRITTEN_BY = ("--author", "piotr", "--signed-off-by", "sofia")


def demo_parts(ground: Ground) -> Sequence[Part]:
    """Everything around the product."""
    layout = lay_out(ground)
    password = ensure_credentials(layout.plant / "erp-credentials.json")["mos_product"]
    write_private(layout.plant / "erp-product.password", password)
    ground.addresses |= {"phones": layout.url("phones"), "plant": layout.url("control")}
    plant = [_erp(layout), _machines(layout), _gateway(layout), _mes(layout), _control(layout), _phones(layout)]
    push = own_part(
        ground,
        PUBLISH,
        ["push", str(layout.site), "--passwords", str(layout.plant / "passwords.yaml"), *_WRITTEN_BY],
        after=("schema", *_makers_of_secrets(layout)),
        oneshot=True,
    )
    return [*plant, push]


def _makers_of_secrets(layout: Layout) -> tuple[str, ...]:
    """The peers that make what the connectors read (token, password, certificate): awaited at the first start only."""
    made = ("opcua-server.der", "opcua.password", "mes.token")
    return () if all((layout.plant / name).exists() for name in made) else ("machines", "mes")


def _peer(layout: Layout, name: str, module: str, arguments: Sequence[str], port: int, **fields: object) -> Part:
    """A process of the plant; ready when its port takes connections."""
    return Part(
        name=name,
        argv=[sys.executable, "-m", module, *arguments],
        env=layout.ground.own_env(),
        cwd=layout.plant,
        ready=lambda: probes.tcp("127.0.0.1", port),
        address=f"127.0.0.1:{port}",
        **fields,  # type: ignore[arg-type]
    )


def _clocked(layout: Layout) -> list[str]:
    return ["--anchor", layout.anchor, "--data", str(layout.plant)]


def _erp(layout: Layout) -> Part:
    port = layout.ports["erp"]
    arguments = ["serve", "--data", str(layout.plant / "erp"), "--cache", str(CACHE), "--port", str(port)]
    arguments += ["--anchor", layout.anchor, "--credentials", str(layout.plant / "erp-credentials.json")]
    note = "Tryton; the first start builds its database"
    return _peer(layout, "erp", "infra.plant.erp", arguments, port, ready_within=600, grace=20, note=note)


def _machines(layout: Layout) -> Part:
    port, control = layout.ports["opcua"], layout.ports["machines"]
    arguments = ["--port", str(port), "--control-port", str(control), *_clocked(layout)]
    return _peer(layout, "machines", "infra.plant.machines", arguments, control, note="OPC UA")


def _gateway(layout: Layout) -> Part:
    control = layout.ports["gateway"]
    url = layout.ground.addresses["mqtt"]
    arguments = ["--mqtt-url", url, "--control-port", str(control), *_clocked(layout)]
    return _peer(layout, "gateway", "infra.plant.gateway", arguments, control, after=("mqtt",), note="MQTT")


def _mes(layout: Layout) -> Part:
    port = layout.ports["mes"]
    hook = f"{layout.ground.addresses['api']}/webhooks/events"
    secret = layout.ground.folder.secrets / "webhook"
    arguments = ["--port", str(port), "--webhook-url", hook, "--webhook-secret-file", str(secret), *_clocked(layout)]
    return _peer(layout, "mes", "infra.plant.mes", arguments, port)


def _control(layout: Layout) -> Part:
    port = layout.ports["control"]
    arguments = ["--endpoints", str(layout.plant / "endpoints.json"), "serve", "--port", str(port)]
    return _peer(layout, "control", "infra.plant.control", arguments, port, after=("machines", "gateway", "mes"))


def _phones(layout: Layout) -> Part:
    port = layout.ports["phones"]
    config = layout.plant / "phones.json"
    arguments = ["--port", str(port), "--config", str(config), "--data", str(layout.plant / "phones")]
    return _peer(layout, "phones", "infra.phones", arguments, port, note="stand-in Slack, Twilio and mail")
