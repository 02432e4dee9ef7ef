from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.stats.student import critical_value, lower_tail


@pytest.mark.parametrize(
    ("t", "df", "p"),
    [
        # df = 1 is the Cauchy distribution: P(T <= -1) = 1/4 exactly; df = 2 has 1/2 + t / (2 sqrt(2 + t^2)).
        (-1.0, 1.0, 0.25),
        (-2.0, 2.0, 0.5 - 2.0 / (2.0 * 6.0**0.5)),
        (0.0, 7.3, 0.5),
        (6e-9, 1.0, 0.5 + math.atan(6e-9) / math.pi),
        # Published tables (two-sided 5 %): t(10) = 2.228, t(30) = 2.042.
        (-2.2281388519, 10.0, 0.025),
        (-2.0422724563, 30.0, 0.025),
    ],
)
def test_known_values(t: float, df: float, p: float) -> None:
    assert lower_tail(t, df) == pytest.approx(p, rel=1e-9)


@given(st.floats(-80.0, 8.0), st.floats(1.0, 60.0))
def test_agrees_with_scipy(t: float, df: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    # scipy gives 0.5 where t is too small for its formula; elsewhere, tails too, both agree closely.
    bound = 1e-7 if abs(t) < 1e-6 else 1e-9
    assert lower_tail(t, df) == pytest.approx(float(stats.t.cdf(t, df)), rel=bound)


@given(st.floats(1e-9, 0.4), st.floats(1.0, 60.0))
def test_critical_value_is_the_inverse(p: float, df: float) -> None:
    assert lower_tail(-critical_value(p, df), df) == pytest.approx(p, rel=1e-9)
