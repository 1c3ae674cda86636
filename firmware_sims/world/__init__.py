"""The physics of rooms, stores and loads: pure, with time passed in."""
