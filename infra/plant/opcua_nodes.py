"""The machines as OPC UA nodes and conditions (asyncua). NodeIds and event fields are those of README.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.server.event_generator import EventGenerator
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from infra.plant.clock import real_now
from infra.plant.machine import AlarmRecord, Machine, MachinePark

SEVERITY = 800
_ACKNOWLEDGE_TYPE_METHOD = ua.NodeId(ua.Int32(ObjectIds.AcknowledgeableConditionType_Acknowledge))
_TAGS: dict[str, tuple[ua.VariantType, Any]] = {
    "Status.StateCurrent": (ua.VariantType.Int32, 0),
    "Status.UnitModeCurrent": (ua.VariantType.Int32, 0),
    "Status.EquipmentBlocked": (ua.VariantType.Boolean, False),
    "Status.EquipmentStarved": (ua.VariantType.Boolean, False),
    "Status.CurMachSpeed": (ua.VariantType.Float, 0.0),
    "Admin.StopReason": (ua.VariantType.Int32, 0),
    "Admin.StopReasonText": (ua.VariantType.String, ""),
    "Admin.ProdProcessedCount": (ua.VariantType.Int32, 0),
    "Admin.ProdDefectiveCount": (ua.VariantType.Int32, 0),
}


class OpcUaDisplay:
    """Shows every machine of a park on an asyncua server."""

    def __init__(self, server: Server, namespace: int, park: MachinePark) -> None:
        self._server = server
        self._namespace = namespace
        self._park = park
        self._conditions: dict[str, EventGenerator] = {}

    async def build(self) -> None:
        """Create one object with its folders, tags and condition per machine."""
        for machine in self._park.machines.values():
            await self._build_machine(machine)
            machine.display = self
        self._server.link_method(self._server.get_node(_ACKNOWLEDGE_TYPE_METHOD), self._acknowledge)

    async def show_state(self, machine: Machine) -> None:
        """Write reason and mode first, the state last: who sees the state can read why."""
        record = machine.record
        reason = record.reason
        await self._write(machine, "Admin.StopReasonText", reason.text if reason else "", record.reason_since)
        await self._write(machine, "Admin.StopReason", reason.code if reason else 0, record.reason_since)
        await self._write(machine, "Status.UnitModeCurrent", record.unit_mode, record.mode_since)
        await self._write(machine, "Status.CurMachSpeed", machine.speed, record.state_since)
        await self._write(machine, "Status.StateCurrent", record.state, record.state_since)
        self._park.save()

    async def show_counters(self, machine: Machine) -> None:
        """Write both counters."""
        await self._write(machine, "Admin.ProdProcessedCount", machine.record.processed)
        await self._write(machine, "Admin.ProdDefectiveCount", machine.record.defective)

    async def show_alarm(self, machine: Machine, alarm: AlarmRecord, *, active: bool) -> None:
        """Send the condition's new state as an event of the Server object."""
        generator = self._conditions[machine.unit.id]
        event = generator.event
        event.Message = ua.LocalizedText(alarm.message, "en")
        event.Retain = active
        _two_state(event, "ActiveState", "Active" if active else "Inactive", active)
        acked = "Acknowledged" if alarm.acked else "Unacknowledged"
        _two_state(event, "AckedState", acked, alarm.acked)
        first = active and not alarm.acked
        await generator.trigger(time_attr=alarm.raised_at if first else None)
        for name in (
            "Retain",
            "EventId",
            "Message",
            "Time",
            "ActiveState",
            "ActiveState/Id",
            "AckedState",
            "AckedState/Id",
        ):
            await self._mirror(machine, name, getattr(event, name))
        self._park.save()

    async def _build_machine(self, machine: Machine) -> None:
        unit_id = machine.unit.id
        unit = await self._server.nodes.objects.add_object(self._id(unit_id), self._name(unit_id))
        folders = {
            name: await unit.add_folder(self._id(f"{unit_id}.{name}"), self._name(name))
            for name in ("Status", "Admin", "Alarm")
        }
        for tag, (kind, value) in _TAGS.items():
            folder, name = tag.split(".")
            await folders[folder].add_variable(self._id(f"{unit_id}.{tag}"), self._name(name), value, kind)
        await self._build_condition(machine, folders["Alarm"])
        await self.show_counters(machine)

    async def _build_condition(self, machine: Machine, folder: Any) -> None:
        condition = await folder.add_object(
            self._id(f"{machine.unit.id}.Alarm.Fault"),
            self._name("Fault"),
            objecttype=ua.NodeId(ua.Int32(ObjectIds.AlarmConditionType)),
            instantiate_optional=False,
        )
        self._server.link_method(await condition.get_child("0:Acknowledge"), self._acknowledge)
        # A subscriber on the Server object sees only what is emitted there: asyncua propagates no notifiers.
        generator = await self._server.get_event_generator(ObjectIds.AlarmConditionType)
        event = generator.event
        event.NodeId = condition.nodeid
        event.SourceNode = self._id(machine.unit.id)
        event.SourceName = machine.unit.id
        event.ConditionName = f"{machine.unit.id}.Fault"
        event.Severity = SEVERITY
        event.BranchId = ua.NodeId()
        event.EnabledState = ua.LocalizedText("Enabled", "en")
        setattr(event, "EnabledState/Id", True)
        self._conditions[machine.unit.id] = generator

    async def _acknowledge(self, parent: ua.NodeId, event_id: ua.Variant, _comment: ua.Variant) -> ua.StatusCode:
        """OPC 10000-9 Acknowledge: the newest EventId of a condition that is not acknowledged yet."""
        for machine in self._park.machines.values():
            event = self._conditions[machine.unit.id].event
            if event.NodeId != parent:
                continue
            if machine.record.alarm is None or event_id.Value != _plain(event.EventId):
                return _status(StatusCodes.BadEventIdUnknown)
            if not await machine.acknowledge():
                return _status(StatusCodes.BadConditionBranchAlreadyAcked)
            return _status(StatusCodes.Good)
        return _status(StatusCodes.BadNodeIdInvalid)

    async def _mirror(self, machine: Machine, field: str, value: Any) -> None:
        """Keep the condition instance readable, for clients that browse instead of listening."""
        node = self._server.get_node(self._id(f"{machine.unit.id}.Alarm.Fault.{field.replace('/', '.')}"))
        kind = await node.read_data_type_as_variant_type()
        await node.write_value(ua.DataValue(ua.Variant(_plain(value), kind)))

    async def _write(self, machine: Machine, tag: str, value: Any, since: datetime | None = None) -> None:
        kind = _TAGS[tag][0]
        data = ua.DataValue(ua.Variant(value, kind), SourceTimestamp=_moment(since or real_now()))
        await self._server.write_attribute_value(self._id(f"{machine.unit.id}.{tag}"), data)

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(name), ua.Int16(self._namespace))

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._namespace)


def _two_state(event: Any, name: str, text: str, value: bool) -> None:
    """Set text and Id: the text alone tells a client nothing it may rely on."""
    setattr(event, name, ua.LocalizedText(text, "en"))
    setattr(event, f"{name}/Id", value)


def _plain(value: Any) -> Any:
    return value.Value if isinstance(value, ua.Variant) else value


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _moment(at: datetime) -> ua.DateTime:
    return ua.DateTime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=at.tzinfo)
