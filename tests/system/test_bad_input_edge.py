"""A running edge agent: bad replies of devices, bad acks and bad commands, and what comes next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from campus_wire import signing
from campus_wire.messages import Command
from campus_wire.quality import Quality
from campus_wire.topics import Down
from tests.support.bad_payloads import BAD_PAYLOADS
from tests.support.servers import Mosquitto
from tests.system.bad_input.edge_rig import (
    DETECTORS,
    EdgeRig,
    GasDetector,
    edge_rig,
    payload_of,
)
from tests.system.bad_input.modbus_cases import MODBUS_CASES, POISON, ModbusCase
from tests.system.bad_input.tally import tried

pytestmark = [pytest.mark.integration, pytest.mark.alone]

GOOD_WITHIN_S: Final = 1.0
S: Final = 10**9


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("bad-input-broker")) as server:
        yield server


def _assert_calm(rig: EdgeRig) -> None:
    log = rig.process.log_path.read_text("utf-8")
    assert rig.process.is_running, log[-4000:]
    assert "Traceback" not in log, log[-4000:]


# --- replies of a device -----------------------------------------------------------------------


async def test_bad_replies_become_bad_values_and_the_next_good_one_is_taken(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with edge_rig(tmp_path, broker) as rig:
        shares = [MODBUS_CASES[number::DETECTORS] for number in range(DETECTORS)]
        found = await asyncio.gather(*map(_spoil_all, [rig] * DETECTORS, rig.gas, shares))
        _assert_calm(rig)
        assert not any(POISON in one.heard_s for one in rig.gas)
    failures = [failure for some in found for failure in some]
    assert not failures
    tried("edge: Modbus reply", len(MODBUS_CASES))


async def _spoil_all(rig: EdgeRig, gas: GasDetector, cases: Sequence[ModbusCase]) -> list[str]:
    return [failure for case in cases for failure in await _spoil(rig, gas, case)]


async def _spoil(rig: EdgeRig, gas: GasDetector, case: ModbusCase) -> list[str]:
    before, seen = gas.number, len(gas.qualities)
    gas.spoil(case)
    await rig.until(lambda: not gas.bad_left, f"the poll that {case.name} spoils")
    await rig.until(lambda: any(value > before + 1 for value in gas.heard_s), case.name)
    number = min(int(value) for value in gas.heard_s if value > before + 1)
    took_s = gas.heard_s[number] - gas.sent_s[number]
    failures = []
    if took_s > GOOD_WITHIN_S:
        failures.append(f"{case.name}: the next good value took {took_s:.2f} s")
    codes = gas.qualities[seen:]
    if not codes or any(code < Quality.BAD for code in codes):
        failures.append(f"{case.name}: qualities {codes}")
    return failures


# --- messages of the wire ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ack", "command"])
async def test_bad_messages_change_nothing_and_the_next_command_acts(
    tmp_path: Path, broker: Mosquitto, kind: str
) -> None:
    cases = [case for case in BAD_PAYLOADS if case.kind == kind]
    failures: list[str] = []
    async with edge_rig(tmp_path, broker) as rig:
        writes = rig.relay.writes
        for number, case in enumerate(cases, start=1):
            await rig.send(Down(kind), case.payload)
            took_s = await rig.good_command()
            if took_s > GOOD_WITHIN_S:
                failures.append(f"{case.id}: the next command took {took_s:.2f} s")
            if rig.relay.writes != writes + number:
                failures.append(f"{case.id}: {rig.relay.writes - writes} writes, not {number}")
        _assert_calm(rig)
        log = rig.process.log_path.read_text("utf-8")
        for reason in {case.reason for case in cases}:
            assert f"refused ({reason})" in log or f"refused: {reason}" in log, reason
    assert not failures
    tried(f"edge: {kind}", len(cases))


# --- commands that are well formed ----------------------------------------------------------------


def _unwanted(rig: EdgeRig) -> Iterator[tuple[str, Command, str]]:
    """Yield commands with a good signature that must not act, with their outcome and reason."""
    now_ns = time.time_ns()

    def one(**changes: Any) -> Command:
        return rig.command(**changes)

    yield "an unknown device", one(device="relay-9"), "rejected unknown_device"
    yield "an unknown point", one(point="relay_9"), "rejected unknown_point"
    yield "a read-only point", one(device="gas-1", point="concentration"), "rejected read_only"
    yield "a value that is no state", one(value=2.0), "rejected not_a_state"
    yield "a value between states", one(value=0.5), "rejected not_a_state"
    yield "a value below all", one(value=-1.0), "rejected not_a_state"
    yield (
        "an expiry just over",
        one(issued_ns=now_ns - 31 * S, expires_ns=now_ns - 1),
        "expired expired",
    )
    yield "an expiry of 1970", one(issued_ns=0, expires_ns=S), "expired expired"
    yield (
        "issued in the future",
        one(issued_ns=now_ns + 120 * S, expires_ns=now_ns + 150 * S),
        "rejected issued_in_the_future",
    )
    yield (
        "an unknown point to read back",
        one(expect={"point": "x", "value": 1.0}),
        "rejected unknown_expected_point",
    )


def _untrusted(rig: EdgeRig) -> Iterator[tuple[str, Command, str]]:
    """Yield commands that must get no answer at all, with the reason in the audit."""
    good = rig.command()
    other_key = signing.gateway_key(b"x" * 32, "demo-school-1")
    yield "no signature", good.model_copy(update={"signature": ""}), "signature"
    yield "another's signature", signing.sign(good, other_key), "signature"
    yield "an altered value", good.model_copy(update={"value": 1.0 - good.value}), "signature"
    yield "an altered device", good.model_copy(update={"device": "gas-1"}), "signature"
    yield "a longer life", good.model_copy(update={"expires_ns": good.expires_ns + S}), "signature"
    yield "another's name", good.model_copy(update={"by": "head"}), "signature"
    yield "for another gateway", rig.command(gateway="demo-school-2"), "other_gateway"


async def test_commands_that_must_not_act_do_not(tmp_path: Path, broker: Mosquitto) -> None:
    failures: list[str] = []
    count = 0
    async with edge_rig(tmp_path, broker) as rig:
        writes = rig.relay.writes
        for name, command, wanted in _unwanted(rig):
            count += 1
            failures += await _command(rig, name, command, wanted)
        for name, command, reason in _untrusted(rig):
            count += 1
            await rig.send(Down.COMMAND, payload_of(command))
            failures += await _next_one(rig, name)
            if command.id in rig.receipts:
                failures.append(f"{name}: was answered {rig.receipts[command.id]}")
            if reason not in _audited(rig):
                failures.append(f"{name}: no audit of {reason}")
        failures += await _replay(rig)
        failures += await _retained(rig)
        count += 2
        assert rig.relay.writes == writes + count + 1  # the next ones, and what is replayed once
        _assert_calm(rig)
    assert not failures
    tried("edge: command", count)


async def _command(rig: EdgeRig, name: str, command: Command, wanted: str) -> list[str]:
    await rig.send(Down.COMMAND, payload_of(command))
    await rig.until(lambda: command.id in rig.receipts, f"a receipt for {name}")
    receipt = rig.receipts[command.id]
    said = f"{receipt.outcome} {receipt.reason}"
    return [
        *([] if said == wanted else [f"{name}: {said}, not {wanted}"]),
        *await _next_one(rig, name),
    ]


async def _next_one(rig: EdgeRig, name: str) -> list[str]:
    took_s = await rig.good_command()
    late = took_s > GOOD_WITHIN_S
    return [f"{name}: the next command took {took_s:.2f} s"] if late else []


async def _replay(rig: EdgeRig) -> list[str]:
    """Send one command three times: it acts once, and its receipt comes again."""
    command = rig.command()
    for _ in range(3):
        rig.receipts.pop(command.id, None)
        await rig.send(Down.COMMAND, payload_of(command))
        await rig.until(lambda: command.id in rig.receipts, "a receipt for each copy")
    said = rig.receipts[command.id].outcome
    return [
        *([] if said == "succeeded" else [f"a replay: {said}"]),
        *await _next_one(rig, "a replay"),
    ]


async def _retained(rig: EdgeRig) -> list[str]:
    """A retained command reaches who subscribes later marked as such; then it must not act."""
    command = rig.command(device="gas-1")
    await rig.send(Down.COMMAND, payload_of(command), retain=True)
    await asyncio.to_thread(rig.process.stop)
    await asyncio.to_thread(rig.process.start)
    await rig.until(lambda: "retained" in _audited(rig), "the audit of a retained command")
    await rig.send(Down.COMMAND, b"", retain=True)
    fresh = rig.gas[0].number
    await rig.until(lambda: max(rig.gas[0].heard_s) > fresh + 5, "samples again")
    return await _next_one(rig, "a retained command")


def _audited(rig: EdgeRig) -> set[object]:
    return {
        event.attributes.get("reason") for event in rig.events if event.kind == "command_rejected"
    }
