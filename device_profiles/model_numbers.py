"""Numbers as a profile may give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _not_zero(scale: float) -> float:
    if scale == 0:
        raise ValueError("must not be 0")
    return scale


Finite = Annotated[float, Field(allow_inf_nan=False)]
Scale = Annotated[Finite, AfterValidator(_not_zero)]
