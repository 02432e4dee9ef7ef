"""Names of MLX by what torch calls the same thing; one that is in no table is that of a library which was not read."""

from __future__ import annotations

SAME_NAME = frozenset([
    "zeros", "ones", "full", "zeros_like", "ones_like", "arange", "linspace", "eye", "stack", "where",
    "maximum", "minimum", "exp", "log", "log2", "log1p", "expm1", "sqrt", "rsqrt", "tanh", "sigmoid",
    "abs", "sum", "mean", "var", "std", "square", "matmul", "softmax", "logsumexp", "round", "floor",
    "ceil", "cumsum", "cumprod", "outer", "argmax", "argmin", "argsort", "triu", "tril",
    "einsum", "sign", "logaddexp", "sin", "cos", "multiply", "add", "subtract", "divide", "remainder",
    "floor_divide", "negative", "logical_and", "logical_or", "logical_not", "equal", "not_equal",
    "greater", "greater_equal", "less", "less_equal", "flatten", "squeeze", "reshape", "broadcast_to",
    "isnan", "isinf", "all", "any", "prod", "erf", "reciprocal", "roll", "float32", "float16",
    "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool_", "floating",
    "integer", "inf", "pi", "load",
])  # fmt: skip
"""Functions and constants of `mlx.core` that torch has under the same name, to the same effect on places."""

AS_TORCH = {
    "mlx.core.array": "torch.tensor", "mlx.core.concatenate": "torch.cat", "mlx.core.clip": "torch.clamp",
    "mlx.core.power": "torch.pow", "mlx.core.expand_dims": "torch.unsqueeze", "mlx.core.take_along_axis":
    "torch.take_along_dim", "mlx.core.repeat": "torch.repeat_interleave", "mlx.core.max": "torch.amax",
    "mlx.core.min": "torch.amin", "mlx.core.stop_gradient": "torch.detach", "mlx.core.compile": "torch.compile",
    "mlx.core.sort": "numpy.sort", "mlx.core.split": "torch.tensor_split", "mlx.core.transpose": "torch.permute",
    "mlx.core.save": "numpy.save",
    "mlx.core.savez": "numpy.savez", "mlx.core.savez_compressed": "numpy.savez_compressed",
    "mlx.core.checkpoint": "functools.identity", "mlx.core.random.seed": "torch.manual_seed",
    "mlx.core.random.normal": "torch.randn", "mlx.core.random.uniform": "torch.rand",
    "mlx.utils.tree_flatten": "torch.utils._pytree.tree_flatten", "mlx.utils.tree_map": "torch.utils._pytree.tree_map",
    "mlx.utils.tree_unflatten": "torch.utils._pytree.tree_unflatten",
}  # fmt: skip
"""What torch has under another name."""

LAYERS = frozenset([
    "Module", "Linear", "Embedding", "RMSNorm", "LayerNorm", "Dropout", "Sequential", "GELU", "SiLU",
    "ReLU", "Tanh", "Sigmoid", "Identity", "RoPE",
])  # fmt: skip
"""Classes of `mlx.nn` that torch has, rotary positions (`RoPE`) aside."""

ACTIVATIONS = frozenset([
    "relu", "gelu", "silu", "sigmoid", "tanh", "softplus", "leaky_relu", "elu", "mish", "relu6",
    "softmax", "log_softmax", "log_sigmoid", "hardswish",
])  # fmt: skip
"""Functions of `mlx.nn` that torch has in `nn.functional`."""

PUT_ARRAYS = frozenset(["update", "load_weights", "update_modules"])
"""Methods of `mlx.nn.Module` that put arrays in the place of weights."""

NOTHING_BUT_TIME = frozenset([
    "eval", "async_eval", "synchronize", "clear_cache", "set_memory_limit", "set_cache_limit",
    "set_wired_limit", "set_default_device", "reset_peak_memory", "disable_compile", "enable_compile",
])  # fmt: skip
"""Functions of `mlx.core` that compute what was asked for already, or set the device."""


def known_as(name: str) -> str:
    """A dotted name as torch's, where MLX's means the same; else the name as it is."""
    if not name.startswith("mlx."):
        return name
    package, _, last = name.rpartition(".")
    if name in AS_TORCH:
        return AS_TORCH[name]
    if package == "mlx.core" and last in SAME_NAME:
        return f"torch.{last}"
    if package == "mlx.nn" and last in LAYERS:
        return f"torch.nn.{last}"
    if package in ("mlx.nn", "mlx.nn.layers.activations") and last in ACTIVATIONS:
        return f"torch.nn.functional.{last}"
    if package == "mlx.optimizers" and last[:1].isupper():
        return f"torch.optim.{last}"
    return name
