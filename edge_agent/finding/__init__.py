"""Finding devices, trying them, and saying what is wrong with a bus. Nothing here writes."""
