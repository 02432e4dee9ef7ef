"""Functions and methods that torch's tensors and numpy's arrays share, by what they do with what they hold.

A name that is in none of the tables joins its arguments: the result is made of them. That is right for
nearly everything that torch and numpy compute; fewer than 60 exceptions were met in real scripts.
"""

from __future__ import annotations

SIZE_ATTRIBUTES = frozenset([
    "shape", "ndim", "dtype", "device", "dim", "element_size", "nelement", "itemsize", "nbytes", "layout",
])  # fmt: skip

# Functions and methods whose result is a position or a size, not content.
POSITION_FUNCTIONS = frozenset(
    ["nonzero", "argwhere", "flatnonzero", "searchsorted", "argsort", "bucketize", "argmax", "argmin"]
)

# Methods and attributes that return the same thing in another form.
SAME = frozenset([
    "data_as", "data_ptr", "to", "cuda", "cpu", "eval", "train", "requires_grad_", "float", "half",
    "bfloat16", "double", "contiguous", "pin_memory", "detach_", "share_memory", "compile", "type_as",
    "nan_to_num",
])  # fmt: skip

COPIES = frozenset([
    "clone", "detach", "numpy", "astype", "long", "int", "tolist", "item", "bool", "copy",
])  # fmt: skip

SHARED = frozenset(["detach", "numpy"])
"""Of these, what looks at the memory of what it is called on."""

RESHAPES = frozenset([
    "reshape", "view", "flatten", "ravel", "unsqueeze", "squeeze", "expand", "permute", "transpose", "T",
    "repeat", "view_as", "reshape_as",
])  # fmt: skip

OVER_AXIS = "over axis "
"""Begins the mark of what was normalised, with the axis over which it was, counted from the front."""

# Parts of a tensor along one axis, by a start and a length, an index or indices.
PARTS = frozenset(["narrow", "index_select", "select", "take"])

# Integer types that cannot hold a position in the split, by the names of casts to them and of numpy's type codes.
NARROW_BITS = {
    "uint8": 8, "int8": 7, "byte": 8, "char": 7, "u1": 8, "<u1": 8, "i1": 7, "<i1": 7, "B": 8, "b": 7,
    "uint16": 16, "int16": 15, "short": 15, "u2": 16, "<u2": 16, "i2": 15, "<i2": 15, "H": 16, "h": 15,
}  # fmt: skip

# Methods and functions that treat each element by itself: what stands at a place stays there.
ELEMENTWISE = frozenset([
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "neg", "negative", "abs", "absolute", "sign",
    "square", "sqrt", "rsqrt", "reciprocal", "pow", "sigmoid", "tanh", "relu", "gelu", "silu", "sin", "cos",
    "floor", "ceil", "trunc", "round", "add", "sub", "subtract", "mul", "multiply", "div", "divide",
    "true_divide", "floor_divide", "remainder", "fmod", "mod", "eq", "ne", "lt", "le", "gt", "ge", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
    "logical_not", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "clamp",
    "clip", "clamp_min", "clamp_max", "minimum", "maximum", "fmin", "fmax", "where", "masked_fill",
    "nan_to_num", "isnan", "isfinite", "isinf", "lerp", "addcmul", "addcdiv", "type", "float64", "float32",
    "float16", "int64", "int32", "softmax", "log_softmax", "erf", "logit", "logaddexp",
])  # fmt: skip

IN_PLACE = frozenset([
    "add_", "mul_", "sub_", "div_", "lerp_", "addcmul_", "addcdiv_", "copy_", "neg_", "pow_", "sqrt_",
    "clamp_", "scatter_add_", "index_add_", "put_", "index_put_", "scatter_", "index_copy_", "masked_fill_",
    "masked_scatter_", "sigmoid_", "tanh_", "relu_", "exp_", "log_", "addmm_", "baddbmm_", "set_", "swap_",
    "floor_", "round_", "abs_", "rsqrt_", "reciprocal_", "clip_", "clamp_min_", "clamp_max_",
    "bitwise_xor_", "bitwise_and_", "bitwise_or_", "remainder_", "fmod_", "index_fill_", "scatter_reduce_",
    "logical_and_", "logical_or_", "logical_not_", "cumsum_", "map_", "apply_",
])  # fmt: skip

TABLE_WRITES = frozenset(["scatter_add_", "index_add_", "put_", "index_put_", "scatter_", "scatter_reduce_"])

RESETS = frozenset([
    "zero_", "fill_", "fill", "normal_", "uniform_", "kaiming_uniform_", "kaiming_normal_",
    "xavier_uniform_", "xavier_normal_", "zeros_", "ones_", "trunc_normal_", "orthogonal_", "constant_",
    "eye_", "random_", "exponential_", "bernoulli_",
])  # fmt: skip

ALLOCATIONS = frozenset([
    "zeros", "empty", "ones", "full", "zeros_like", "empty_like", "full_like", "ones_like", "bytearray",
    "randn", "rand", "randn_like", "rand_like", "eye", "empty_strided", "new_zeros", "new_empty",
    "new_ones", "new_full",
])  # fmt: skip

# Building a whole table from tokens at once.
HISTOGRAMS = frozenset(["bincount", "histogram", "histc", "histogramdd", "histogram2d"])

# Sums over everything, where no axis is named.
TOTALS = frozenset(["sum", "mean", "nansum", "nanmean", "fsum"])

# A choice between scores.
SELECTIONS = frozenset(["minimum", "min", "fmin", "amin", "maximum", "fmax"])
