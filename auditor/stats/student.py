"""Student's t distribution with real degrees of freedom, by SciPy, which is loaded when it is first asked.

`scipy.special` alone is imported: `scipy.stats` costs three times its time and adds nothing here.
"""

from __future__ import annotations


def lower_tail(t: float, df: float) -> float:
    """P(T <= t) for `df` > 0 degrees of freedom (`scipy.special.stdtr`)."""
    from scipy.special import stdtr

    return float(stdtr(df, t))


def critical_value(p: float, df: float) -> float:
    """The t > 0 with P(T > t) = p, for 0 < p < 0.5 (`scipy.special.stdtrit`)."""
    from scipy.special import stdtrit

    return -float(stdtrit(df, p))


def noncentrality(t: float, df: float, *, power: float) -> float:
    """The non-centrality at which P(T > t) = `power` for the non-central t distribution (`scipy.special.nctdtrinc`)."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(df, 1.0 - power, t))
