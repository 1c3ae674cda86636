"""`make bench` knows every benchmark."""

import re

from benchmarks.__main__ import BENCHMARKS
from tests.frame import tree


def test_every_benchmark_that_says_how_to_run_it_is_run() -> None:
    """One that takes no required argument (in capitals) is run by `make bench`."""
    runnable = {
        path.stem
        for path in tree.python_files("benchmarks")
        if path.name != "__main__.py"
        and re.search(
            rf"^ +python -m benchmarks\.{path.stem}( \[.*)?$", path.read_text("utf-8"), re.MULTILINE
        )
    }

    assert set(BENCHMARKS) == runnable
