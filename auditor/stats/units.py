"""Bits per byte, nats per token, nats per byte: the conversions, by the measured tokens per byte.

A gain of a given size is a different number in each unit; #1812 took one for the other. The unit of every
difference is therefore part of its name.
"""

from __future__ import annotations

import math

RECORD_MARGIN_NATS = 0.005
"""What a record must gain, in nats per token (the challenge's README: "at least 0.005 nats")."""


def tokens_per_byte(val_loss_nats_per_token: float, val_bpb: float) -> float:
    """Recover tokens per byte from a printed pair: bpb = loss / ln 2 * tokens per byte.

    Raises:
        ValueError: the loss is not positive.
    """
    if val_loss_nats_per_token <= 0.0:
        raise ValueError(f"a loss of {val_loss_nats_per_token} nats per token gives no tokens per byte")
    return val_bpb * math.log(2.0) / val_loss_nats_per_token


def bpb_to_nats_per_token(difference_bpb: float, tokens_per_byte: float) -> float:
    return difference_bpb * math.log(2.0) / tokens_per_byte


def nats_per_token_to_bpb(difference_nats: float, tokens_per_byte: float) -> float:
    return difference_nats * tokens_per_byte / math.log(2.0)


def bpb_to_nats_per_byte(difference_bpb: float) -> float:
    return difference_bpb * math.log(2.0)
