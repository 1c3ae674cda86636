"""Every bound of the wire, in one place. `docs/wire.md` lists the same numbers."""

from typing import Final

PAYLOAD_BYTES_MAX: Final = 256 * 1024
"""A payload as it travels, compressed or not."""

DECODED_BYTES_MAX: Final = 4 * 1024 * 1024
"""A payload after decompression."""

NESTING_MAX: Final = 16
"""Depth of arrays and objects in any payload."""

BATCH_SAMPLES_MAX: Final = 5_000
BATCH_VALUES_MAX: Final = 10_000
BATCH_BLOCKS_MAX: Final = 1_000

CATALOG_DEVICES_MAX: Final = 5_000
CATALOG_POINTS_MAX: Final = 5_000
CATALOG_AREAS_MAX: Final = 5_000
AREA_DEPTH_MAX: Final = 16
"""Areas one inside the other: campus, building, floor, room and some to spare."""
LABEL_CHARS_MAX: Final = 200

ACK_RANGES_MAX: Final = 1_000
ATTRIBUTES_MAX: Final = 64
TEXT_CHARS_MAX: Final = 1_000

SEQ_MAX: Final = 2**53 - 1
"""Sequence numbers and other counters stay exact in every JSON reader."""

TIME_NS_MAX: Final = 2**63 - 1
"""22 April 2262, the end of 64-bit nanoseconds."""

COMMAND_LIFE_S_MAX: Final = 300
"""No command may live longer than this."""

VALUE_ABS_MAX: Final = 1e300
"""Larger magnitudes are refused, so that sums of values stay finite."""
