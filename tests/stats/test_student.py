from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.stats.student import critical_value, lower_tail


@pytest.mark.parametrize(
    ("t", "df", "p"),
    [
        # df = 1 is the Cauchy distribution: P(T <= -1) = 1/4 exactly; df = 2 has 1/2 + t / (2 sqrt(2 + t^2)).
        (-1.0, 1.0, 0.25),
        (-2.0, 2.0, 0.5 - 2.0 / (2.0 * 6.0**0.5)),
        (0.0, 7.3, 0.5),
        # Published tables (two-sided 5 %): t(10) = 2.228, t(30) = 2.042.
        (-2.2281388519, 10.0, 0.025),
        (-2.0422724563, 30.0, 0.025),
    ],
)
def test_known_values(t: float, df: float, p: float) -> None:
    assert lower_tail(t, df) == pytest.approx(p, rel=1e-9)


@settings(max_examples=60)
@given(st.floats(-40.0, 8.0), st.floats(1.0, 60.0))
def test_is_the_integral_of_the_density(t: float, df: float) -> None:
    """By quadrature, with x = sqrt(df) tan(a): the density becomes c cos(a)^(df - 1) on a finite interval."""
    from scipy.integrate import quad

    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(math.pi)
    angle = math.atan(t / math.sqrt(df))
    value, _ = quad(lambda a: math.exp(log_scale) * math.cos(a) ** (df - 1), -math.pi / 2, angle, epsabs=0)
    assert lower_tail(t, df) == pytest.approx(value, rel=1e-8, abs=1e-14)


@given(st.floats(1e-9, 0.4), st.floats(1.0, 60.0))
def test_critical_value_is_the_inverse(p: float, df: float) -> None:
    assert lower_tail(-critical_value(p, df), df) == pytest.approx(p, rel=1e-9)
