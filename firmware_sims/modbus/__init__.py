"""Modbus servers on TCP and serial lines, small enough to break on purpose at any byte."""
