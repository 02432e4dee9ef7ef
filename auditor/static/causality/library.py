"""What is not the script's own: names of the library, builtin functions, kernels with a declared behaviour."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.static.causality import kernels, scores
from auditor.static.causality.attention import attend
from auditor.static.causality.builtin_functions import BUILTINS
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.methods import method, operate
from auditor.static.causality.operations.table import OPERATIONS, integers, operand
from auditor.static.causality.shaping import swap
from auditor.static.causality.tensor import Tensor, constant
from auditor.static.causality.values import (
    Class,
    Decorated,
    DefaultDict,
    Function,
    Instance,
    Library,
    Native,
    Unknown,
)
from auditor.static.causality.walker import Walker, held, highest, is_open
from auditor.static.names.mlx import known_as

CONSTANTS: dict[str, Any] = {
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "math.tau": math.tau,
    "torch.inf": math.inf,
    "torch.pi": math.pi,
    "numpy.inf": math.inf,
    "numpy.pi": math.pi,
    "typing.TYPE_CHECKING": False,
    "torch.__version__": "2.9.0",
    "sys.version_info": (3, 12, 0),
    "sys.byteorder": "little",
}


def library_member(it: Walker, name: str) -> Any:
    """Something of a library by its full name: a class of ours where we have one."""
    name = known_as(name)
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name.startswith("torch.nn.") and name.count(".") == 2:
        own = it.base.names.get(name.rsplit(".", 1)[-1])
        if isinstance(own, Class):
            return own
    if name.startswith("torch.nn.modules.") and isinstance(
        own := it.base.names.get(name.rsplit(".", 1)[-1]), Class
    ):
        return own
    return Library(name)


CONTEXTS = frozenset(
    "no_grad inference_mode autocast enable_grad set_grad_enabled record_function sdpa_kernel nullcontext device "
    "stream Stream suppress catch_warnings graph fork_rng profile deterministic_guard "
    "set_float32_matmul_precision".split()
)
UNIT = frozenset(
    "synchronize empty_cache set_device barrier manual_seed manual_seed_all mark_dynamic maybe_mark_dynamic "
    "mark_static mark_unbacked mark_step_begin reset "
    "cudagraph_mark_step_begin reset_peak_memory_stats filterwarnings simplefilter collect freeze "
    "enable_flash_sdp enable_mem_efficient_sdp enable_math_sdp enable_cudnn_sdp destroy_process_group "
    "init_process_group set_num_threads seed".split()
)
NUMPY = {
    "numpy.ones": "ones", "numpy.zeros": "zeros", "numpy.full": "full", "numpy.arange": "arange", "numpy.eye": "eye",
    "numpy.stack": "stack", "numpy.concatenate": "cat", "numpy.array": "tensor", "numpy.asarray": "tensor",
    "numpy.triu": "triu", "numpy.tril": "tril", "numpy.sort": "sort",
}  # fmt: skip
"""Functions of numpy that are torch's for what positions depend on."""
FACTS: dict[str, Any] = {
    "torch.cuda.is_available": True,
    "torch.cuda.is_bf16_supported": True,
    "torch.distributed.is_available": True,
    "torch.distributed.is_initialized": False,
    "torch.distributed.get_rank": 0,
    "torch.distributed.get_world_size": 1,
    "torch.cuda.device_count": 8,
    "torch.cuda.get_device_capability": (9, 0),
    "torch.is_grad_enabled": False,
    "torch.is_inference_mode_enabled": False,
    "torch.is_autocast_enabled": True,
    "torch.compiler.is_compiling": False,
    "torch.compiler.is_dynamo_compiling": False,
    "torch._dynamo.is_compiling": False,
    "torch.jit.is_scripting": False,
    "torch.jit.is_tracing": False,
}


def call_library(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A call of something of a library."""
    last = name.rsplit(".", 1)[-1]
    if name.startswith("builtins."):
        function = BUILTINS.get(last) or BUILTINS.get(name[9:])
        if function is None:
            raise NotFollowed(f"the builtin {name[9:]}")
        return function(it, *args, **keywords)
    if name in FACTS:
        return FACTS[name]
    if name.startswith("a Triton kernel"):
        return kernels.call_written(it, name, args)
    if name in it.operations:
        return it.call(it.operations[name], args, keywords)
    kernel = kernels.find(name)
    if kernel is not None:
        it.foreign.add(last)
        return kernel(it, name, args, keywords)
    if name in NAMED:
        return NAMED[name](it, *args, **keywords)
    if name.startswith(("torch.nn.init.", "torch.nn.utils.")):
        return args[0] if args else None
    if name.startswith("torch.ops.") and name.endswith(".default"):
        return call_library(it, name[: -len(".default")], args, keywords)
    if last in CONTEXTS and name.startswith(("torch.", "contextlib.", "warnings.")):
        return Library("a context") if last != "device" else Library("torch.device")
    if last in UNIT and name.startswith(("torch.", "warnings.", "gc.", "random.", "numpy.")):
        return None
    if name in NUMPY:
        out = operate(it, NUMPY[name], args, keywords)
        return out[0] if name == "numpy.sort" else out
    if name.startswith("math."):
        return _mathematics(it, name[5:], args, keywords)
    if name.startswith(("torch.nn.functional.", "torch.special.", "torch.linalg.", "torch.fft.")) or (
        name.startswith("torch.") and name.count(".") == 1
    ):
        if last in OPERATIONS or last in scores.SCORES or (last.endswith("_") and last[:-1] in OPERATIONS):
            return operate(it, last, args, keywords)
        if name.startswith("torch.Tensor."):
            return operate(it, last, args, keywords)
    if name.startswith("torch.Tensor.") and args and isinstance(args[0], Tensor):
        return method(it, args[0], last, args[1:], keywords)
    if held([*args, *keywords.values()]) is not None:
        raise NotFollowed(f"a call of {name}")
    return it.unknown(f"{name}(…)", it.where)


def _mathematics(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    plain = [
        a.value.reshape(()).item() if isinstance(a, Tensor) and a.value is not None and a.size == 1 else a
        for a in args
    ]
    for value in plain:
        if isinstance(value, Unknown):
            return Unknown(value.reason, it.unknown(f"math.{name}", value.number).number, value.pos)
        if isinstance(value, Tensor):
            return it.unknown(f"math.{name} of a tensor", it.where, highest(value))
    function = getattr(math, name, None)
    if function is None or name in ("factorial", "comb", "perm"):
        raise NotFollowed(f"math.{name}")
    try:
        return function(*plain, **keywords)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise ScriptError(type(error).__name__, f"math.{name}") from None


# -- functions of the library that take more than tensors


def _parameter(it: Walker, data: Any = None, requires_grad: Any = True) -> Any:
    """A parameter has a shape; its values are the checkpoint's."""
    if isinstance(data, Tensor):
        return Tensor(data.shape, data.pos, kind=data.kind, learned=True)
    return data


def _buffer(it: Walker, data: Any = None, persistent: Any = True) -> Any:
    return _parameter(it, data) if persistent is not False else data


def _compile(it: Walker, function: Any = None, *_args: Any, **_more: Any) -> Any:
    return function if function is not None else Native(lambda f: f, "compile")


def _checkpoint(it: Walker, function: Any, *args: Any, **more: Any) -> Any:
    more = {
        k: v
        for k, v in more.items()
        if k not in ("use_reentrant", "preserve_rng_state", "context_fn", "determinism_check")
    }
    return it.call(function, list(args), more)


def _getenv(it: Walker, name: Any, default: Any = None) -> Any:
    value = it.settings.get(name) if isinstance(name, str) else None
    return default if value is None else value


def _partial(it: Walker, function: Any, *args: Any, **more: Any) -> Native:
    return Native(lambda *a, **k: it.call(function, [*args, *a], {**more, **k}), "partial")


def _decorator(it: Walker, function: Any = None, *_args: Any, **_more: Any) -> Any:
    return (
        function
        if isinstance(function, Function | Native | Decorated)
        else Native(lambda f: f, "a decorator")
    )


def _field(it: Walker, default: Any = None, default_factory: Any = None, **_more: Any) -> Any:
    if default_factory is not None:
        return Native(lambda: it.call(default_factory, [], {}), "default_factory")
    return default


def _signature(it: Walker, function: Any, **_more: Any) -> Any:
    """The parameters of a function: known for the script's own, open for a library's."""
    out = Instance(Class("a signature", [], {}))
    parameters = Instance(Class("parameters", [], {}))

    def contains(name: Any) -> Any:
        if isinstance(function, Function):
            arguments = function.node.args
            return name in {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        return it.choices.choose(
            ("parameter", repr(function), name),
            (True, False),
            f"whether {getattr(function, 'name', '?')} takes {name}",
        )

    parameters.cls.names["__contains__"] = Native(contains, "__contains__")
    out.attributes["parameters"] = parameters
    return out


def _special(it: Walker, name: str) -> Callable[..., Any]:
    def unknown(*_args: Any, **_more: Any) -> Any:
        return it.unknown(name)

    return unknown


def _recurrence(
    it: Walker,
    input: Any,
    hx: Any,
    hidden: Any,
    layers: Any,
    batch_first: Any,
    bidirectional: Any,
    cell: Any,
) -> Any:
    """GRU, RNN and LSTM: each step depends on the steps before it, or on all where it runs both ways."""
    if not isinstance(input, Tensor) or input.rank not in (2, 3):
        raise NotFollowed("a recurrent module on what is no sequence")
    time = 0 if input.rank == 2 or not it.truth(batch_first) else 1
    both = it.truth(bidirectional)
    pos = input.pos.max(axis=-1, keepdims=True)
    last = pos.max(axis=time + 1, keepdims=True)
    if both:
        pos = last
    elif pos.shape[time + 1] > 1:
        pos = np.maximum.accumulate(pos, axis=time + 1)
    for state in hx if isinstance(hx, tuple) else (hx,):
        if isinstance(state, Tensor) and state.depends:
            own = state.pos.max(axis=(1, -1))  # (ways, batch)
            shape = [own.shape[0], *([1] * input.rank)]
            shape[1 + (0 if input.rank == 2 else 1 - time)] = own.shape[1] if input.rank == 3 else 1
            own = own if input.rank == 3 else own.max(axis=1, keepdims=True)
            pos, last = np.maximum(pos, own.reshape(shape)), np.maximum(last, own.reshape(shape))
    ways = 2 if both else 1
    count = integers([hidden])[0] if isinstance(hidden, list | tuple) else int(hidden)
    out = Tensor((*input.shape[:-1], count * ways), pos, learned=True)
    if input.rank == 3:
        batch = input.shape[1 - time]
        moved = last if time == 0 else np.swapaxes(last, 1, 2)
        state = Tensor((int(layers) * ways, batch, count), moved, learned=True)
    else:
        state = Tensor((int(layers) * ways, count), last, learned=True)
    return out, ((state, state.same_content()) if it.truth(cell) else state)


def _cell(it: Walker, input: Any, hx: Any, hidden: Any) -> Any:
    pos = operand(input).pos.max(axis=-1, keepdims=True)
    if isinstance(hx, Tensor):
        pos = np.maximum(pos, hx.pos.max(axis=-1, keepdims=True))
    return Tensor((*input.shape[:-1], int(hidden)), pos, learned=True)


def _multihead(
    it: Walker, query: Any, key: Any, value: Any, mask: Any, causal: Any, padding: Any, batch_first: Any
) -> Any:
    """`nn.MultiheadAttention`: its boolean masks say what is *not* looked at; a hint of causality is no mask."""
    if padding is not None:
        raise NotFollowed("attention with a padding mask")
    first = it.truth(batch_first)
    tensors = [t if first or t.rank == 2 else swap(t, 0, 1) for t in (query, key, value)]
    if isinstance(mask, Tensor) and mask.kind == "b":
        mask = operate(it, "logical_not", [mask], {})
    out = attend(*tensors, mask=mask)
    return out if first or out.rank == 2 else swap(out, 0, 1)


def _container(kind: Callable[..., Any]) -> Callable[..., Any]:
    def make(it: Walker, *args: Any, **more: Any) -> Any:
        return kind(
            *(a if isinstance(a, dict) else list(it.iterate(a)) for a in args if a is not None), **more
        )

    return make


def _counter(it: Walker, values: Any = (), **more: Any) -> Any:
    if more or isinstance(values, dict):
        return _container(collections.Counter)(it, values, **more)
    items = list(it.iterate(values))
    if is_open(items):
        raise NotFollowed("a count of values that are not known")
    return collections.Counter(items)


def _cross_entropy(
    it: Walker, logits: Any, targets: Any, weights: Any = None, axis: int = -1, label_smoothing: float = 0.0,
    reduction: str = "none",
) -> Any:  # fmt: skip
    """`mlx.nn.losses.cross_entropy`: over the last axis, and not reduced unless that is asked for."""
    rows, places = operand(logits), operand(targets)
    if axis not in (-1, rows.rank - 1) or places.rank != rows.rank - 1:
        raise NotFollowed("a cross entropy over another axis than the last")
    flat = [operate(it, "reshape", [rows, -1, rows.shape[-1]], {}), operate(it, "reshape", [places, -1], {})]
    out = operate(it, "cross_entropy", flat, {"reduction": reduction})
    return operate(it, "reshape", [out, *places.shape], {}) if reduction == "none" else out


def _attention(
    it: Walker,
    q: Any,
    k: Any,
    v: Any,
    *,
    scale: Any = None,
    mask: Any = None,
    sinks: Any = None,
    stream: Any = None,
) -> Any:
    """`mlx.core.fast.scaled_dot_product_attention`, whose mask may be the text "causal"."""
    if sinks is not None or (isinstance(mask, str) and mask != "causal"):
        raise NotFollowed("attention of MLX with sinks or a mask by another name")
    form = {"is_causal": True} if mask == "causal" else {"attn_mask": mask}
    return kernels.scaled_dot_product(it, "torch.nn.functional.scaled_dot_product_attention", [q, k, v], form)


def _default_dict(it: Walker, factory: Any = None, entries: Any = (), **more: Any) -> DefaultDict:
    return DefaultDict(factory, _container(dict)(it, entries, **more))


def _import_module(it: Walker, name: Any, *_args: Any) -> Any:
    if not isinstance(name, str):
        raise NotFollowed("an import of a name that is not known")
    return Library(name)


def _get_kernel(it: Walker, name: Any, *_args: Any, **_more: Any) -> Any:
    """`kernels.get_kernel`: a library that is fetched by name; those of flash attention are known."""
    if not isinstance(name, str):
        raise NotFollowed("a kernel whose name is not known")
    return Library("flash_attn_interface" if "flash-attn" in name else f"kernels.{name}")


def _chain(it: Walker, *parts: Any) -> list[Any]:
    return [value for part in parts for value in it.iterate(part)]


def _finfo(it: Walker, *_args: Any) -> Any:
    out = Instance(Class("finfo", [], {}))
    out.attributes.update(min=-3.0e38, max=3.0e38, eps=1e-7, tiny=1e-38, smallest_normal=1e-38)
    return out


def _iinfo(it: Walker, *_args: Any) -> Any:
    out = Instance(Class("iinfo", [], {}))
    out.attributes.update(min=-(2**63), max=2**63 - 1)
    return out


def _simple_namespace(it: Walker, **fields: Any) -> Any:
    out = Instance(Class("SimpleNamespace", [], {}))
    out.attributes.update(fields)
    return out


def _subsequent_mask(it: Walker, size: Any, *_args: Any, **_more: Any) -> Any:
    """`nn.Transformer.generate_square_subsequent_mask`: minus infinity over the diagonal."""
    count = integers([size])[0]
    return constant(np.triu(np.full((count, count), -math.inf), 1), "f")


NAMED: dict[str, Callable[..., Any]] = {
    "torch.nn.Parameter": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.nn.Buffer": _buffer,
    "torch.nn.parameter.Buffer": _buffer,
    "torch.nn.UninitializedParameter": _parameter,
    "torch.compile": _compile,
    "torch.jit.script": _compile,
    "torch.compiler.disable": _compile,
    "torch.compiler.allow_in_graph": _compile,
    "torch._dynamo.disable": _compile,
    "torch._dynamo.allow_in_graph": _compile,
    "torch.nn.parallel.DistributedDataParallel": _compile,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "os.environ.get": _getenv,
    "os.getenv": _getenv,
    "functools.partial": _partial,
    "functools.wraps": lambda it, *_a, **_k: Native(lambda f: f, "wraps"),
    "functools.lru_cache": _decorator,
    "functools.cache": _decorator,
    "dataclasses.dataclass": _decorator,
    "dataclasses.field": _field,
    "inspect.signature": _signature,
    "importlib.import_module": _import_module,
    "torch.Generator": lambda it, *_a, **_k: Library("torch.Generator.new"),
    "kernels.get_kernel": _get_kernel,
    "itertools.chain": _chain,
    "collections.OrderedDict": _container(dict),
    "collections.defaultdict": _default_dict,
    "collections.Counter": _counter,
    "collections.deque": _container(list),
    "types.SimpleNamespace": _simple_namespace,
    "argparse.Namespace": _simple_namespace,
    "typing.cast": lambda it, kind, value: value,
    "copy.copy": lambda it, value: value,
    "torch.finfo": _finfo,
    "torch.iinfo": _iinfo,
    "torch.is_tensor": lambda it, value: isinstance(value, Tensor),
    "torch.is_floating_point": lambda it, value: operand(value).kind == "f",
    "torch.numel": lambda it, value: operand(value).size,
    "torch.Size": lambda it, sizes=(): tuple(it.iterate(sizes)),
    "mlx.nn.losses.cross_entropy": _cross_entropy,
    "mlx.core.fast.scaled_dot_product_attention": _attention,
    "mlx.core.fast.rms_norm": lambda it, x, *_a, **_k: operate(it, "layer_norm", [x, x.shape[-1:]], {}),
    "mlx.core.fast.rope": lambda it, x, *_a, **_k: operate(it, "layer_norm", [x, x.shape[-1:]], {}),
    "torch._recurrence": _recurrence,
    "torch._cell": _cell,
    "torch._multihead": _multihead,
    "torch.nn.Transformer.generate_square_subsequent_mask": _subsequent_mask,
    "torch.nn.modules.transformer.Transformer.generate_square_subsequent_mask": _subsequent_mask,
}
