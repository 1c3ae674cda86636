"""From a described school to areas with physics and devices with numbers; opens nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from firmware_sims.build_areas import build_areas
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
from firmware_sims.mqtt.dialects import PREFIX, Hubs, Kit, speak
from firmware_sims.mqtt.from_profile import usual_numbers
from firmware_sims.mqtt.profile_voice import ProfileVoice
from firmware_sims.mqtt.voice import Voice
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.school import SchoolPlan
from firmware_sims.school_file import (
    DeviceEntry,
    ModbusDeviceEntry,
    MqttDeviceEntry,
)
from firmware_sims.signals import Follow, Signal
from firmware_sims.world.area import Area
from firmware_sims.world.machine import Machine, words_of

Control = Callable[[float, float], None]


@dataclass(slots=True)
class World:
    """A school's areas and devices."""

    areas: dict[str, Area] = field(default_factory=dict)
    modbus: dict[str, ModbusDevice] = field(default_factory=dict)
    mqtt: dict[str, MqttDevice] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    """What kind of thing each device is."""


def build_world(plan: SchoolPlan, library: Library, *, seed: int) -> World:
    """Make all areas and devices.

    Raises:
        SchoolError: a device's profile is not there, or an entry names a point or quantity that
            does not exist.
        UnsupportedPointError: a profile has a form that is not known here.
    """
    world = World(build_areas(plan, seed=seed))
    for entry in (device for bus in plan.buses for device in bus.devices):
        profile = _profile(library, entry)
        if not isinstance(profile, ModbusProfile):
            raise _not_there(profile, entry)
        world.categories[entry.id] = profile.category
        world.modbus[entry.id] = _DeviceBuilder(entry, world.areas, seed).modbus(profile, entry)
    for source in plan.sources:
        hubs = Hubs()
        for device in source.devices:
            builder = _DeviceBuilder(device, world.areas, seed)
            if device.profile.startswith(PREFIX):
                category, made = builder.self_describing(device, hubs)
            else:
                profile = _profile(library, device)
                if not isinstance(profile, MqttProfile):
                    raise _not_there(profile, device)
                category, made = profile.category, builder.mqtt(profile, device)
            world.categories[device.id] = category
            world.mqtt[device.id] = made
    return world


def _not_there(profile: ModbusProfile | MqttProfile, entry: DeviceEntry) -> SchoolError:
    return SchoolError(
        "protocol", f"{profile.id} speaks {profile.protocol}, so it cannot be there", place=entry.id
    )


def _profile(library: Library, entry: DeviceEntry) -> ModbusProfile | MqttProfile:
    if entry.profile not in library:
        raise SchoolError(
            "profile",
            f"there is no profile {entry.profile!r}",
            place=entry.id,
            remedy="see campus profiles list",
        )
    return library.get(entry.profile)


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

    def self_describing(self, entry: MqttDeviceEntry, hubs: Hubs) -> tuple[str, MqttDevice]:
        """A device that describes itself, with its category."""
        kit = Kit(entry.id, entry.quantities, entry.topic, entry.generation)
        voice = speak(entry.profile.removeprefix(PREFIX), kit, hubs)
        category = voice.quantities[0].category
        facts = [
            PointFacts(
                name=one.name,
                unit=one.unit,
                category=category,
                writable=one.is_set,
                minimum=one.minimum,
                maximum=one.maximum,
                states=one.states,
            )
            for one in voice.quantities
        ]
        return category, self._speaking(voice, facts, entry, category=category, usual={})

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
