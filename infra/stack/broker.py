"""Embedded MQTT broker (iotcore: rumqttd in a wheel), loopback only. Run as a script, it is the broker's process.

It keeps nothing on disk: sessions, retained and queued messages are gone when it restarts. A plant's own broker is
pointed at with MOS_MQTT_URL. It wants two ports: one speaks MQTT 3.1.1 only, the other MQTT 5 only.
"""

import logging
import sys
from pathlib import Path

_LISTENER = """
[v{version}.1]
name = "v{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v{version}.1.connections]
connection_timeout_ms = 10000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""
_ROUTER = """id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
"""


def configuration(port: int, port5: int) -> str:
    """rumqttd's TOML: `port` for MQTT 3.1.1, `port5` for MQTT 5, messages up to 1 MiB."""
    return _ROUTER + _LISTENER.format(version=4, port=port) + _LISTENER.format(version=5, port=port5)


def command(configuration_file: Path) -> list[str]:
    return [sys.executable, "-I", __file__, str(configuration_file)]


def main(configuration_file: str) -> None:
    from iotcore.iotcore import IotCoreBroker

    # rumqttd opens a span of level ERROR for every packet: through Python's logging each would be a line.
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    IotCoreBroker(config_path=configuration_file).run_forever()


if __name__ == "__main__":
    main(sys.argv[1])
