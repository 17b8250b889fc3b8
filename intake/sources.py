"""A source that comes or goes is a signal itself: silence must not look healthy."""

from datetime import datetime

from connectors.roles import SourceState
from domain.errors import InvalidPayloadError
from domain.signals import RawSignal, Signal, SignalType
from domain.values import iso, parse_time

SOURCE_STATE = "source.state"


def raw_state(state: SourceState, at: datetime) -> RawSignal:
    """What the listener puts into the inbox when a source's connection changes."""
    word = "connected" if state.connected else "lost"
    body = {"source": state.source, "connected": state.connected, "detail": state.detail[:500], "at": iso(at)}
    return RawSignal(
        source="mos/listener", event_id=f"{state.source}@{iso(at)}={word}", kind=SOURCE_STATE, body=body, occurred_at=at
    )


def read_state(raw: RawSignal) -> Signal:
    """Normaliser of `source.state`."""
    try:
        source, connected = str(raw.body["source"]), bool(raw.body["connected"])
        at = parse_time(raw.body["at"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidPayloadError(f"no source state: {error}") from error
    facts = {"source": source, "connected": connected, "detail": str(raw.body.get("detail", ""))}
    return Signal(
        type=SignalType.SOURCE_LOST,
        subject=source,
        occurred_at=at,
        facts=facts,
        state_key=f"source:{source}",
        state="connected" if connected else "lost",
    )
