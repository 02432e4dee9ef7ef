"""Names of functions and methods by what they do to scores and to targets."""

from __future__ import annotations

HIGHEST_LOSS = 27.0
"""Nats that no token of a trained model costs: the probability is 2e-12."""
FLOOR_OF_PROBABILITIES = 2e-12
SMALLEST_VOCABULARY = 1024
"""Tokens of the smallest published tokenizer."""
SMALL = 1e-6
"""What is added to keep a logarithm or a quotient finite."""
LARGE_COUNT = 1000
"""A whole number from here on, that a sum is divided by, is a number of tokens."""

KEEPS = frozenset([
    "sum", "nansum", "fsum", "to", "float", "double", "half", "bfloat16", "cpu", "cuda", "detach", "detach_",
    "clone", "contiguous", "item", "tolist", "numpy", "astype", "type", "type_as", "copy", "requires_grad_",
    "pin_memory", "reshape", "view", "flatten", "ravel", "unsqueeze", "squeeze", "expand", "permute",
    "transpose", "T", "repeat", "narrow", "select", "split", "chunk", "tensor_split", "unbind", "roll", "flip",
    "view_as", "reshape_as", "expand_as", "movedim", "swapaxes", "unflatten", "cat", "concatenate", "stack",
    "hstack", "vstack", "tensor", "as_tensor", "from_numpy", "asarray", "array", "ascontiguousarray", "float64",
    "float32", "fromiter", "list", "tuple", "iter", "next", "reversed", "enumerate", "zip", "set", "sorted",
    "dict", "get", "pop", "items", "values", "append", "extend", "copy_", "add_", "all_reduce", "all_gather",
    "reduce", "reduce_scatter", "gather_object", "result", "round", "abs", "nan_to_num", "deepcopy", "isnan",
    "isfinite", "isinf", "len", "str", "format", "print", "getattr", "isinstance", "index_select", "take",
    "gather", "take_along_dim", "take_along_axis", "synchronize", "is_tensor", "data", "save", "dump", "dumps",
    "id", "bool", "any", "all", "put", "submit", "apply", "tensordot", "broadcast",
    "__getitem__", "scatter_add_", "index_add_", "scatter_add", "index_add", "index_copy_", "atleast_1d",
    "atleast_2d", "share_memory_", "record_stream", "tobytes", "write", "nll_loss", "cross_entropy",
    "logsumexp", "backward", "wait", "full_like", "full", "cumulative_sum", "as_strided", "pad", "itertools",
    "chain", "partial", "map", "filter", "logaddexp", "logcumsumexp", "masked_scatter_",
])  # fmt: skip
"""What leaves each score as it is, or adds scores up."""

KEEPS_TOKENS = KEEPS - {"set", "sorted", "reversed", "flip"} | frozenset([
    "long", "int", "int32", "int64", "uint16", "int_", "view_as", "pad_sequence", "new_tensor", "frombuffer",
    "fromfile", "memmap", "load", "where", "masked_fill", "masked_select", "embedding", "bincount",
    "nonzero", "eq", "ne", "lt", "gt", "le", "ge", "isin", "searchsorted", "argsort", "max", "min",
    "argmax", "numel", "size", "dim", "mean", "count_nonzero", "range", "arange", "empty_like",
    "zeros_like", "ones_like", "new_zeros", "new_empty", "new_full", "one_hot", "decode", "encode", "hash",
    "logical_not", "logical_and", "logical_or", "bitwise_and", "bitwise_or", "bitwise_xor",
    "bitwise_not", "linear", "unfold", "sum", "byte", "short", "char", "insert", "fill_",
    "zero_", "histogram",
])  # fmt: skip
"""What leaves tokens as they are, asks about them, or makes something that is no target."""

SETTLED = frozenset([
    "cross_entropy", "nll_loss", "log_softmax", "logsumexp", "gather", "take_along_dim", "take_along_axis",
    "softmax",
])  # fmt: skip
"""What makes scores of distributions: its formula is known already."""
WEIGHTS = frozenset([
    "linspace", "logspace", "geomspace", "rand", "randn", "rand_like", "randn_like", "uniform", "normal", "softmax",
    "sigmoid", "hann_window", "hamming_window", "hanning", "hamming", "blackman", "bartlett", "kaiser", "exponential",
    "random", "dirichlet",
])  # fmt: skip
"""What makes numbers that are no counts."""
NEVER_NEGATIVE = frozenset(["square", "abs", "relu", "exp", "norm", "var", "std"])

MEANS = frozenset(["mean", "nanmean", "average", "fmean"])
LOGARITHMS = frozenset(["log", "log2", "log10", "log_", "log2_"])
CLAMPS = frozenset([
    "clamp", "clip", "clamp_", "clip_", "clamp_max", "clamp_min", "clamp_max_", "clamp_min_", "minimum",
    "maximum", "fmin", "fmax", "min", "max", "builtin min", "builtin max",
])  # fmt: skip
PARSES = frozenset(["load", "loads", "safe_load", "literal_eval", "float", "eval", "reader", "DictReader"])
"""What makes numbers of the text of a file."""
ROUNDINGS = frozenset(["floor", "ceil", "trunc", "round"])
"""What leaves a whole number as it is."""
MASKS = frozenset(["where", "masked_fill", "masked_fill_", "masked_select", "compress", "extract", "putmask"])
COMPARISONS = frozenset([
    "gt", "lt", "ge", "le", "eq", "ne", "greater", "less", "greater_equal", "less_equal", "not_equal", "isin",
    "isclose", "in1d",
])  # fmt: skip
CHOICES = frozenset([
    "topk", "kthvalue", "sort", "msort", "argsort", "nonzero", "argmin", "argmax", "argwhere", "flatnonzero",
    "median", "nanmedian", "quantile", "nanquantile", "percentile", "mode", "amin", "amax", "nsmallest",
    "nlargest", "partition", "argpartition", "trim_mean", "multinomial", "median_low", "median_high",
])  # fmt: skip
"""What picks some scores by their values."""
DISTORTIONS = frozenset([
    "pow", "square", "sqrt", "rsqrt", "tanh", "sigmoid", "relu", "log1p", "expm1", "floor", "ceil", "trunc",
    "sign", "huber_loss", "smooth_l1_loss", "softplus", "elu", "gelu", "silu", "erf", "atan", "sin", "cos",
    "hypot", "geometric_mean", "harmonic_mean", "gmean", "hmean", "frac", "fmod", "remainder", "lerp", "norm",
    "std", "var", "prod", "logit",
])  # fmt: skip

LABEL = r"bpb|bits.?per.?byte|bits_byte|val_loss|val_nll|\bbpt\b|\bnll\b|\bbbp\b"
"""What the text of a line that reports a result contains."""

INTERESTING = frozenset([
    "cross_entropy", "backward", "step", "nll_loss", "log_softmax", "logsumexp", "load_state_dict",
    "bincount", "print", "glob", "rglob", "fromfile", "state_dict", "gather", "environ", "getenv",
    "softmax", "scatter_add_", "index_add_", "index_put_", "nonzero", "write", "urlopen", "urlretrieve",
    "copy_", "add_", "mul_", "lerp_", "addcmul_", "addcdiv_", "sub_", "forward_logits", "append", "extend",
    "open", "exec", "memmap", "frombuffer", "from_file",
])  # fmt: skip
