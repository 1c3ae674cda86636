"""The tables of a spool. One file is one epoch: its sequence numbers never start again."""

from __future__ import annotations

from typing import Final

PAGE_BYTES: Final = 4096
SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x43535031  # "CSP1"; tells a spool from any other database

TABLES: Final = """
CREATE TABLE life(
    epoch TEXT NOT NULL,
    next_seq INTEGER NOT NULL,
    last_time_ns INTEGER NOT NULL,
    created_ns INTEGER NOT NULL
);
CREATE TABLE batches(
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    catalog TEXT NOT NULL,
    crc INTEGER NOT NULL,
    open_boot TEXT,
    open_origin_ns INTEGER,
    held_until_ns INTEGER,
    payload BLOB NOT NULL
);
CREATE INDEX batches_by_rank ON batches(rank, first);
CREATE TABLE covered(
    batch INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY(batch, first)
) WITHOUT ROWID;
CREATE TABLE gaps(
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    first INTEGER,
    last INTEGER,
    epoch TEXT,
    reason TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    widened INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE messages(
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE catalogs(revision TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE commands(
    id TEXT PRIMARY KEY,
    expires_ns INTEGER NOT NULL,
    run TEXT NOT NULL,
    message TEXT,
    receipt BLOB
);
CREATE TABLE boots(
    boot TEXT PRIMARY KEY,
    origin_ns INTEGER NOT NULL,
    true_origin_ns INTEGER,
    seen_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE quarantine(
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    reason TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    payload BLOB NOT NULL
);
"""
