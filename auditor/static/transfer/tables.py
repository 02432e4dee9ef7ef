"""Names of library functions and methods by what they mean for tokens, states and scores.

A name that is in none of the tables joins its arguments: the result is made of them. That is right for
nearly everything that torch and numpy compute (`STATIC` measured fewer than 60 exceptions on real scripts).
"""

from __future__ import annotations

BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "bytearray",
        "bytes",
        "callable",
        "chr",
        "classmethod",
        "compile",
        "complex",
        "dict",
        "dir",
        "divmod",
        "enumerate",
        "eval",
        "exec",
        "filter",
        "float",
        "format",
        "frozenset",
        "getattr",
        "globals",
        "hasattr",
        "hash",
        "hex",
        "id",
        "input",
        "int",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "list",
        "locals",
        "map",
        "max",
        "memoryview",
        "min",
        "next",
        "object",
        "oct",
        "open",
        "ord",
        "pow",
        "print",
        "property",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "setattr",
        "slice",
        "sorted",
        "staticmethod",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "vars",
        "zip",
        "__import__",
        "RuntimeError",
        "ValueError",
        "Exception",
        "KeyError",
        "IndexError",
        "FileNotFoundError",
        "NotImplementedError",
        "AssertionError",
        "StopIteration",
        "OSError",
        "ImportError",
        "TypeError",
        "AttributeError",
        "KeyboardInterrupt",
        "SystemExit",
        "Ellipsis",
        "NotImplemented",
        "__build_class__",
        "breakpoint",
        "ModuleNotFoundError",
        "TimeoutError",
        "PermissionError",
    ]
)

SIZE_ATTRIBUTES = frozenset(
    ["shape", "ndim", "dtype", "device", "dim", "element_size", "nelement", "itemsize", "nbytes", "layout"]
)

# Loss functions: (position of the input, position of the target).
LOSS_FUNCTIONS = {"cross_entropy": (0, 1), "nll_loss": (0, 1)}
# Functions that give log-probabilities of the whole vocabulary: a score once the target is picked from them.
DISTRIBUTIONS = frozenset(["log_softmax", "logsumexp"])

# Functions and methods whose result is a position or a size, not content.
POSITION_FUNCTIONS = frozenset(
    ["nonzero", "argwhere", "flatnonzero", "searchsorted", "argsort", "bucketize", "argmax", "argmin"]
)

# Methods and attributes that return the same thing in another form.
SAME = frozenset(
    [
        "data_as",
        "data_ptr",
        "to",
        "cuda",
        "cpu",
        "eval",
        "train",
        "requires_grad_",
        "float",
        "half",
        "bfloat16",
        "double",
        "contiguous",
        "pin_memory",
        "detach_",
        "share_memory",
        "compile",
        "type_as",
        "nan_to_num",
    ]
)
COPIES = frozenset(["clone", "detach", "numpy", "astype", "long", "int", "tolist", "item", "bool", "copy"])
SHARED = frozenset(["detach", "numpy"])
"""Of these, what looks at the memory of what it is called on."""

RESHAPES = frozenset(
    [
        "reshape",
        "view",
        "flatten",
        "ravel",
        "unsqueeze",
        "squeeze",
        "expand",
        "permute",
        "transpose",
        "T",
        "repeat",
        "view_as",
        "reshape_as",
    ]
)

OVER_AXIS = "over axis "
"""Begins the mark of what was normalised, with the axis over which it was, counted from the front."""

# Parts of a tensor along one axis, by a start and a length, an index or indices.
PARTS = frozenset(["narrow", "index_select", "select", "take"])

# Integer types that cannot hold a position in the split, by the names of casts to them and of numpy's type codes.
NARROW_BITS = {
    "uint8": 8, "int8": 7, "byte": 8, "char": 7, "u1": 8, "<u1": 8, "i1": 7, "<i1": 7, "B": 8, "b": 7,
    "uint16": 16, "int16": 15, "short": 15, "u2": 16, "<u2": 16, "i2": 15, "<i2": 15, "H": 16, "h": 15,
}  # fmt: skip

# Functions that give back what they are given, to be iterated.
PASSES = frozenset(["tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.trange", "rich.progress.track"])

# Methods and functions that treat each element by itself: what stands at a place stays there.
ELEMENTWISE = frozenset(
    [
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "neg",
        "negative",
        "abs",
        "absolute",
        "sign",
        "square",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "pow",
        "sigmoid",
        "tanh",
        "relu",
        "gelu",
        "silu",
        "sin",
        "cos",
        "floor",
        "ceil",
        "trunc",
        "round",
        "add",
        "sub",
        "subtract",
        "mul",
        "multiply",
        "div",
        "divide",
        "true_divide",
        "floor_divide",
        "remainder",
        "fmod",
        "mod",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_not",
        "clamp",
        "clip",
        "clamp_min",
        "clamp_max",
        "minimum",
        "maximum",
        "fmin",
        "fmax",
        "where",
        "masked_fill",
        "nan_to_num",
        "isnan",
        "isfinite",
        "isinf",
        "lerp",
        "addcmul",
        "addcdiv",
        "type",
        "float64",
        "float32",
        "float16",
        "int64",
        "int32",
        "softmax",
        "log_softmax",
        "erf",
        "logit",
        "logaddexp",
    ]
)

IN_PLACE = frozenset(
    [
        "add_",
        "mul_",
        "sub_",
        "div_",
        "lerp_",
        "addcmul_",
        "addcdiv_",
        "copy_",
        "neg_",
        "pow_",
        "sqrt_",
        "clamp_",
        "scatter_add_",
        "index_add_",
        "put_",
        "index_put_",
        "scatter_",
        "index_copy_",
        "masked_fill_",
        "masked_scatter_",
        "sigmoid_",
        "tanh_",
        "relu_",
        "exp_",
        "log_",
        "addmm_",
        "baddbmm_",
        "set_",
        "swap_",
        "floor_",
        "round_",
        "abs_",
        "rsqrt_",
        "reciprocal_",
        "clip_",
        "clamp_min_",
        "clamp_max_",
        "bitwise_xor_",
        "bitwise_and_",
        "bitwise_or_",
        "remainder_",
        "fmod_",
        "index_fill_",
        "scatter_reduce_",
        "logical_and_",
        "logical_or_",
        "logical_not_",
        "cumsum_",
        "map_",
        "apply_",
    ]
)
TABLE_WRITES = frozenset(["scatter_add_", "index_add_", "put_", "index_put_", "scatter_", "scatter_reduce_"])
RESETS = frozenset(
    [
        "zero_",
        "fill_",
        "fill",
        "normal_",
        "uniform_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "xavier_uniform_",
        "xavier_normal_",
        "zeros_",
        "ones_",
        "trunc_normal_",
        "orthogonal_",
        "constant_",
        "eye_",
        "random_",
        "exponential_",
        "bernoulli_",
    ]
)

ALLOCATIONS = frozenset(
    [
        "zeros",
        "empty",
        "ones",
        "full",
        "zeros_like",
        "empty_like",
        "full_like",
        "ones_like",
        "bytearray",
        "randn",
        "rand",
        "randn_like",
        "rand_like",
        "eye",
        "empty_strided",
        "new_zeros",
        "new_empty",
        "new_ones",
        "new_full",
    ]
)
MAPPINGS = frozenset(["defaultdict", "Counter", "OrderedDict", "dict"])

OPTIMIZERS = frozenset(
    [
        "SGD",
        "Adam",
        "AdamW",
        "LBFGS",
        "RMSprop",
        "Adagrad",
        "Adamax",
        "NAdam",
        "RAdam",
        "Adadelta",
        "ASGD",
        "Rprop",
        "SparseAdam",
        "Muon",
        "Adafactor",
    ]
)

# Constructors that wrap a module without changing what it is.
WRAPPERS = frozenset(
    ["DistributedDataParallel", "DataParallel", "DDP", "FullyShardedDataParallel", "compile", "script", "jit"]
)

# Building a whole table from tokens at once.
HISTOGRAMS = frozenset(["bincount", "histogram", "histc", "histogramdd", "histogram2d"])

# Sums over everything, where no axis is named.
TOTALS = frozenset(["sum", "mean", "nansum", "nanmean", "fsum"])

# Random numbers; all numbers up to one in an order that is drawn; and what only sets a generator.
DRAWS = frozenset(["rand", "rand_like", "randint", "randint_like", "bernoulli", "multinomial", "normal"])
ORDERS = frozenset(["randperm", "permutation"])
SEEDS = frozenset(["seed", "set_state", "setstate", "get_state", "getstate", "shuffle"])

# A choice between scores.
SELECTIONS = frozenset(["minimum", "min", "fmin", "amin", "maximum", "fmax"])

# Names with no effect on anything followed here: results carry what the arguments carry.
KNOWN_ROOTS = frozenset(
    [
        "torch",
        "numpy",
        "math",
        "os",
        "sys",
        "time",
        "json",
        "re",
        "random",
        "copy",
        "io",
        "glob",
        "pathlib",
        "collections",
        "itertools",
        "functools",
        "contextlib",
        "builtins",
        "dataclasses",
        "typing",
        "uuid",
        "datetime",
        "struct",
        "subprocess",
        "threading",
        "queue",
        "concurrent",
        "multiprocessing",
        "logging",
        "warnings",
        "gc",
        "zlib",
        "lzma",
        "bz2",
        "gzip",
        "brotli",
        "zstandard",
        "zstd",
        "base64",
        "hashlib",
        "pickle",
        "sentencepiece",
        "tempfile",
        "shutil",
        "operator",
        "string",
        "textwrap",
        "traceback",
        "inspect",
        "types",
        "enum",
        "abc",
        "argparse",
        "platform",
        "socket",
        "signal",
        "statistics",
        "bisect",
        "heapq",
        "array",
        "ctypes",
        "fcntl",
        "mmap",
        "secrets",
        "atexit",
        "numbers",
        "scipy",
        "tqdm",
        "triton",
        "flash_attn",
        "flash_attn_interface",
        "kernels",
        "einops",
        "huggingface_hub",
        "transformers",
        "datasets",
        "tiktoken",
        "tokenizers",
        "wandb",
        "psutil",
        "pynvml",
        "numba",
        "requests",
        "urllib",
        "http",
        "ssl",
        "importlib",
        "ast",
        "tokenize",
        "linecache",
        "__future__",
        "fractions",
        "decimal",
        "cmath",
        "weakref",
        "codecs",
        "unicodedata",
        "locale",
        "getpass",
        "resource",
        "select",
        "errno",
        "stat",
        "fnmatch",
        "csv",
        "configparser",
        "pprint",
        "timeit",
        "cProfile",
        "pdb",
        "unittest",
        "marshal",
        "runpy",
        "site",
        "sysconfig",
        "zipfile",
        "tarfile",
        "pkgutil",
        "keyword",
        "calendar",
        "zoneinfo",
        "cffi",
        "torchvision",
        "torchao",
        "apex",
        "bitsandbytes",
        "xformers",
        "lightning",
        "fla",
        "mamba_ssm",
        "causal_conv1d",
        "liger_kernel",
        "constriction",
        "pyppmd",
        "ftfy",
        "regex",
    ]
)

UNREAD_ROOTS = frozenset(
    [
        "accelerate",
        "apex",
        "bitsandbytes",
        "ctypes",
        "datasets",
        "fla",
        "lightning",
        "mamba_ssm",
        "torchao",
        "transformers",
    ]
)
"""Known libraries whose functions may change what they are handed: they train, quantise, or write memory."""

PURE_ROOTS = KNOWN_ROOTS - UNREAD_ROOTS
"""Libraries whose functions leave a state as it is, their own in-place functions and functions handed to them aside."""

NETWORK_ROOTS = frozenset(
    [
        "requests",
        "urllib",
        "http",
        "socket",
        "ssl",
        "huggingface_hub",
        "ftplib",
        "smtplib",
        "telnetlib",
        "aiohttp",
        "httpx",
        "websockets",
        "paramiko",
        "boto3",
        "wandb",
        "datasets",
    ]
)

INTERESTING = frozenset(
    [
        "cross_entropy",
        "backward",
        "step",
        "nll_loss",
        "log_softmax",
        "logsumexp",
        "load_state_dict",
        "bincount",
        "print",
        "glob",
        "rglob",
        "fromfile",
        "state_dict",
        "gather",
        "environ",
        "getenv",
        "softmax",
        "scatter_add_",
        "index_add_",
        "index_put_",
        "nonzero",
        "write",
        "urlopen",
        "urlretrieve",
        "copy_",
        "add_",
        "mul_",
        "lerp_",
        "addcmul_",
        "addcdiv_",
        "sub_",
        "forward_logits",
        "append",
        "extend",
        "open",
        "exec",
        "memmap",
        "frombuffer",
        "from_file",
    ]
)

LABEL = r"bpb|bits.?per.?byte|bits_byte|val_loss|val_nll|\bbpt\b|\bnll\b|\bbbp\b"
"""What the text of a line that reports a result contains."""
