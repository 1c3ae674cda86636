"""From a described school to areas with physics and devices with numbers; opens nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from device_profiles.library import Library
from device_profiles.model import ModbusProfile, MqttProfile
from firmware_sims.behaviours import (
    PointFacts,
    control_value,
    default_control,
    default_signal,
    fitting,
    follow,
    followers,
    initial_number,
    seed_of,
)
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.errors import SchoolError
from firmware_sims.from_profile import (
    Blueprint,
    Choice,
    blueprint,
    count_points,
    point_facts,
)
from firmware_sims.identity import READ_IDENTIFICATION, REPORT_SERVER_ID, Identity
from firmware_sims.machines import act_on, machine_control, machine_of, machine_signal
from firmware_sims.mqtt.from_profile import usual_numbers
from firmware_sims.mqtt.profile_voice import ProfileVoice
from firmware_sims.mqtt.voice import Voice
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.school import SchoolPlan
from firmware_sims.school_file import (
    AreaEntry,
    DeviceEntry,
    LessonEntry,
    ModbusDeviceEntry,
    MqttDeviceEntry,
)
from firmware_sims.signals import Follow, Signal, noise
from firmware_sims.world.area import Area, Surroundings
from firmware_sims.world.chemical_store import ChemicalStore, StoreShape
from firmware_sims.world.clock import WorldClock
from firmware_sims.world.machine import Machine, words_of
from firmware_sims.world.outdoor import Outdoor
from firmware_sims.world.room import Room, RoomShape
from firmware_sims.world.timetable import Lesson, Timetable

Control = Callable[[float, float], None]

_SHAPES: Mapping[str, RoomShape] = {
    "classroom": RoomShape(),
    "chemistry_lab": RoomShape(volume_m3=280.0, floor_m2=90.0, seats=36, air_changes_per_h=5.0),
    "gym": RoomShape(volume_m3=6000.0, floor_m2=800.0, seats=80, thermal_mass_j_k=6e7),
    "canteen": RoomShape(volume_m3=1600.0, floor_m2=400.0, seats=200, thermal_mass_j_k=3e7),
    "dormitory": RoomShape(volume_m3=70.0, floor_m2=25.0, seats=6),
    "corridor": RoomShape(volume_m3=300.0, floor_m2=100.0, seats=4),
}
_EMPTY = RoomShape(seats=0)
_STORE = "chemical_store"


@dataclass(slots=True)
class World:
    """A school's areas and devices."""

    areas: dict[str, Area] = field(default_factory=dict)
    modbus: dict[str, ModbusDevice] = field(default_factory=dict)
    mqtt: dict[str, MqttDevice] = field(default_factory=dict)


def build_world(plan: SchoolPlan, library: Library, *, seed: int) -> World:
    """Make all areas and devices.

    Raises:
        SchoolError: a device's profile is not there, or an entry names a point or quantity that
            does not exist.
        UnsupportedPointError: a profile has a form that is not known here.
    """
    file = plan.file
    surroundings = Surroundings(
        clock=WorldClock(file.start, file.compression),
        outdoor=Outdoor(file.outdoor.mean_c, file.outdoor.swing_c, file.outdoor.relative_humidity),
        timetable=Timetable(_lessons(file.timetable)) if file.timetable else Timetable(),
    )
    world = World({entry.id: _area(entry, surroundings, seed) for entry in plan.areas})
    for entry in plan.devices():
        builder = _DeviceBuilder(entry, world.areas, seed)
        profile = _profile(library, entry)
        if isinstance(entry, ModbusDeviceEntry) and isinstance(profile, ModbusProfile):
            world.modbus[entry.id] = builder.modbus(profile, entry)
        elif isinstance(entry, MqttDeviceEntry) and isinstance(profile, MqttProfile):
            world.mqtt[entry.id] = builder.mqtt(profile, entry)
        else:
            raise SchoolError(
                "protocol",
                f"{profile.id} speaks {profile.protocol}, so it cannot be there",
                place=entry.id,
            )
    return world


def _profile(library: Library, entry: DeviceEntry) -> ModbusProfile | MqttProfile:
    if entry.profile not in library:
        raise SchoolError(
            "profile",
            f"there is no profile {entry.profile!r}",
            place=entry.id,
            remedy="see campus profiles list",
        )
    return library.get(entry.profile)


def _lessons(entries: tuple[LessonEntry, ...]) -> list[Lesson]:
    lessons = [Lesson(_second(e.begin), _second(e.end), e.occupancy) for e in entries]
    return sorted(lessons, key=lambda lesson: lesson.begin_s)


def _second(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _area(entry: AreaEntry, surroundings: Surroundings, seed: int) -> Area:
    kind = entry.kind.replace("-", "_")
    if kind == _STORE:
        return ChemicalStore(surroundings, _store_shape(entry))
    usual = _varied(_SHAPES.get(kind, _EMPTY), seed, entry.id)
    return Room(surroundings, _shaped(usual, entry.physics, entry.id))


def _varied(shape: RoomShape, seed: int, area: str) -> RoomShape:
    """No two rooms are built quite alike."""
    loss, air, warmth = (noise(seed_of(seed, area, "shape"), step) for step in range(3))
    return replace(
        shape,
        heat_loss_w_k=shape.heat_loss_w_k * (1 + 0.2 * loss),
        air_changes_per_h=shape.air_changes_per_h * (1 + 0.3 * air),
        initial_c=shape.initial_c + 1.5 * warmth,
    )


def _store_shape(entry: AreaEntry) -> StoreShape:
    usual = StoreShape()
    own = dict(entry.physics)
    return StoreShape(
        leak_ppm_per_s=own.pop("leak_ppm_per_s", usual.leak_ppm_per_s),
        fan_air_changes_per_h=own.pop("fan_air_changes_per_h", usual.fan_air_changes_per_h),
        background_ppm=own.pop("background_ppm", usual.background_ppm),
        room=_shaped(usual.room, own, entry.id),
    )


def _shaped(shape: RoomShape, physics: Mapping[str, float], area: str) -> RoomShape:
    known = {one.name for one in fields(RoomShape)}
    for name in physics:
        if name not in known:
            raise SchoolError("physics", f"a room has no {name}", place=f"area {area}")
    return replace(shape, **physics)


class _DeviceBuilder:
    """Binds the points of one device to what they show and do."""

    def __init__(self, entry: DeviceEntry, areas: Mapping[str, Area], seed: int) -> None:
        self._entry = entry
        self._areas = areas
        self._area = areas[entry.area]
        self._seed = seed
        self._machine: Machine | None = None
        self._fixed: frozenset[str] = frozenset()

    def _place_machine(self, category: str, facts: Sequence[PointFacts]) -> None:
        """Let the device be a machine in its area; a lone air conditioner is the room's own."""
        is_lone = not any(words_of(fact.name)[1] for fact in facts)
        if category != "air_conditioner" or not is_lone:
            seed = seed_of(self._seed, self._entry.id, "machine")
            self._machine = machine_of(category, self._area, seed)

    def modbus(self, profile: ModbusProfile, entry: ModbusDeviceEntry) -> ModbusDevice:
        """A device on a bus."""
        drawn = blueprint(profile, self._choice(profile, entry))
        facts = drawn.facts
        names = [fact.name for fact in facts]
        self._check_names(names)
        self._place_machine(profile.category, facts)
        self._fixed = drawn.fixed
        sets = {name: followers(name, names) for name in names} | drawn.sets
        initial = self._initial(facts) | drawn.numbers | dict(entry.values)
        controls = self._controls(facts)
        self._begin(facts, controls, initial)
        return ModbusDevice(
            entry.id,
            entry.unit_id or 1,
            DeviceParts(
                points=drawn.points,
                signals=self._signals(facts),
                initial=initial,
                texts=drawn.texts,
                controls=controls,
                sets=sets,
                sequence_point=entry.sequence_point,
                forbidden=drawn.forbidden,
                extra=drawn.extra,
                preset=drawn.preset,
                limits=drawn.limits,
                temper=drawn.temper,
                relations=drawn.relations,
                page_point=drawn.page_point,
                lock=drawn.lock,
                heartbeat=drawn.heartbeat,
                watchdog=drawn.watchdog,
                identity=_identity(drawn, entry),
            ),
        )

    def _choice(self, profile: ModbusProfile, entry: ModbusDeviceEntry) -> Choice:
        telling = count_points(profile)
        variant = entry.variant
        return Choice(
            variants=() if variant is None else variant,
            counts={name: n for name, n in entry.values.items() if name in telling},
            blocks=entry.blocks,
            serial=f"{seed_of(self._seed, entry.id, 'serial') % 10**10:010d}",
        )

    def mqtt(self, profile: MqttProfile, entry: MqttDeviceEntry) -> MqttDevice:
        """A device on a broker."""
        return self._speaking(
            ProfileVoice(profile, entry.topic),
            point_facts(profile),
            entry,
            category=profile.category,
            usual=usual_numbers(profile),
        )

    def _speaking(
        self,
        voice: Voice,
        facts: list[PointFacts],
        entry: MqttDeviceEntry,
        *,
        category: str,
        usual: Mapping[str, float],
    ) -> MqttDevice:
        names = [fact.name for fact in facts]
        self._check_names(names)
        self._place_machine(category, facts)
        initial = self._initial(facts) | dict(usual) | dict(entry.values)
        controls = self._controls(facts)
        self._begin(facts, controls, initial)
        signals = self._signals(facts)
        return MqttDevice(
            entry.id,
            voice,
            signals={name: one for name, one in signals.items() if name not in usual},
            initial=initial,
            interval_s=entry.interval_s,
            controls=controls,
            sets={name: followers(name, names) for name in names},
            states=[fact.name for fact in facts if fact.states],
            sequence_point=entry.sequence_point,
        )

    def _check_names(self, names: list[str]) -> None:
        entry = self._entry
        named = {*entry.follows, *entry.drives, *entry.values}
        if entry.sequence_point is not None:
            named.add(entry.sequence_point)
        for name in sorted(named - set(names)):
            raise SchoolError(
                "point", f"the profile {entry.profile} has no point {name}", place=entry.id
            )

    def _signals(self, facts: list[PointFacts]) -> dict[str, Signal]:
        signals: dict[str, Signal] = {}
        for fact in facts:
            signal = self._signal(fact)
            if signal is not None:
                signals[fact.name] = signal
        return signals

    def _signal(self, fact: PointFacts) -> Signal | None:
        entry = self._entry
        if fact.name in entry.values or fact.name == entry.sequence_point:
            return None
        if fact.is_hidden or fact.name in self._fixed:
            return None
        seed = seed_of(self._seed, entry.id, fact.name)
        if fact.name in entry.follows:
            area, quantity = self._place(entry.follows[fact.name], "quantities")
            return follow(area, quantity, fact.unit, seed)
        if self._machine is not None:
            shown = machine_signal(fact, self._machine)
            if shown is not None:
                return shown
        signal = default_signal(fact, self._area, seed)
        if isinstance(signal, Follow) and signal.quantity not in self._area.quantities():
            return None
        return signal

    def _initial(self, facts: list[PointFacts]) -> dict[str, float]:
        return {f.name: self._entry.values.get(f.name, self._first(f)) for f in facts}

    def _first(self, fact: PointFacts) -> float:
        """What a point holds at first: what its machine begins with, if it does."""
        if self._machine is not None and fact.writable:
            found = machine_control(fact, self._machine)
            if found is not None:
                begin = self._machine.begins.get(found[0].partition("#")[0])
                if begin is not None:
                    return fitting(fact, begin / found[1])
        return initial_number(fact)

    def _begin(
        self,
        facts: list[PointFacts],
        controls: Mapping[str, Control],
        initial: Mapping[str, float],
    ) -> None:
        """Let what points hold at first act; a machine that works by itself goes on doing so."""
        for fact in facts:
            control = controls.get(fact.name)
            if control is None:
                continue
            if self._machine is not None and fact.name not in self._entry.drives:
                found = machine_control(fact, self._machine)
                if found is not None and found[0].partition("#")[0] not in self._machine.begins:
                    continue
            control(initial[fact.name], 0.0)

    def _controls(self, facts: list[PointFacts]) -> dict[str, Control]:
        controls: dict[str, Control] = {}
        for fact in facts:
            driven = self._entry.drives.get(fact.name)
            if driven is not None:
                area, name = self._place(driven, "controls")
                controls[fact.name] = _control(area, name, fact)
                continue
            if self._machine is not None and fact.writable:
                answer = machine_control(fact, self._machine)
                if answer is not None:
                    controls[fact.name] = _machine_control(self._machine, answer, fact)
                continue
            usual = default_control(fact)
            if usual is not None:
                controls[fact.name] = _control(self._area, usual, fact)
        return controls

    def _place(self, text: str, what: str) -> tuple[Area, str]:
        """An area and a name in it, from `area.name`; without a dot the device's own area."""
        area_id, _, name = text.rpartition(".")
        area = self._areas.get(area_id) if area_id else self._area
        if area is None:
            raise SchoolError("area", f"{text}: there is no area {area_id}", place=self._entry.id)
        known = area.quantities() if what == "quantities" else area.controls()
        if name not in known:
            raise SchoolError(
                "quantity",
                f"{text}: the area has {', '.join(sorted(known))}",
                place=self._entry.id,
            )
        return area, name


def _control(area: Area, name: str, fact: PointFacts) -> Control:
    def act(number: float, now_s: float) -> None:
        area.advance(now_s)
        area.control(name, control_value(fact, name, number))

    return act


def _machine_control(machine: Machine, answer: tuple[str, float], fact: PointFacts) -> Control:
    name, factor = answer

    def act(number: float, now_s: float) -> None:
        machine.advance(now_s)
        act_on(machine, name, number * factor, fact.states)

    return act


def _identity(drawn: Blueprint, entry: ModbusDeviceEntry) -> Identity | None:
    """What the device says about itself; only what it knows how to say."""
    functions = {
        "both": {READ_IDENTIFICATION, REPORT_SERVER_ID},
        "identification": {READ_IDENTIFICATION},
        "server_id": {REPORT_SERVER_ID},
        "none": set(),
    }[entry.identifies]
    return replace(drawn.identity, functions=frozenset(functions)) if functions else None
