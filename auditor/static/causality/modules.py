"""The library's neural-network modules: written here as the script's own are, and walked the same way."""

from __future__ import annotations

import ast
from functools import cache
from typing import Any

from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import MISSING, Instance, Native
from auditor.static.causality.walker import Walker

SOURCE = """
class Module:
    __is_module__ = True
    training = False
    def __init__(self, *args, **kwargs): pass
class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        self.in_features = in_features
        self.out_features = out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
    def forward(self, input): return F.linear(input, self.weight, self.bias)
class Embedding(Module):
    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, device=None, dtype=None):
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim))
    def forward(self, input): return F.embedding(input, self.weight)
class Conv1d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
                 bias=True, padding_mode="zeros", device=None, dtype=None):
        size = kernel_size[0] if isinstance(kernel_size, tuple) else kernel_size
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = (size,)
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
    def forward(self, input):
        if self.padding_mode != "zeros":
            raise NotImplementedError
        return F.conv1d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
class _Norm(Module):
    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(*self.normalized_shape)) if elementwise_affine else None
        self.bias = None
    def forward(self, x): return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
class LayerNorm(_Norm): pass
class RMSNorm(_Norm): pass
class GroupNorm(Module):
    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None): pass
    def forward(self, x): return F.group_norm(x)
class InstanceNorm1d(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False,
                 device=None, dtype=None): pass
    def forward(self, x): return F.instance_norm(x)
class BatchNorm1d(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True,
                 device=None, dtype=None):
        self.track_running_stats = track_running_stats
    def forward(self, x): return F.batch_norm(x, training=self.training or not self.track_running_stats)
class GRU(Module):
    _has_cell = False
    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, device=None, dtype=None):
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.proj_size = 0
    def flatten_parameters(self): return None
    def forward(self, input, hx=None):
        return torch._recurrence(input, hx, self.hidden_size, self.num_layers, self.batch_first, self.bidirectional,
                                 self._has_cell)
class RNN(GRU): pass
class LSTM(GRU):
    _has_cell = True
class GRUCell(Module):
    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        self.hidden_size = hidden_size
    def forward(self, input, hx=None):
        return torch._cell(input, hx, self.hidden_size)
class MultiheadAttention(Module):
    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False,
                 add_zero_attn=False, kdim=None, vdim=None, batch_first=False, device=None, dtype=None):
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.batch_first = batch_first
    def forward(self, query, key, value, key_padding_mask=None, need_weights=True,
                attn_mask=None, average_attn_weights=True, is_causal=False):
        return torch._multihead(query, key, value, attn_mask, is_causal, key_padding_mask, self.batch_first), None
class TransformerEncoderLayer(Module):
    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=None,
                 layer_norm_eps=1e-5, batch_first=False, norm_first=False, bias=True, device=None, dtype=None):
        self.batch_first = batch_first
    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        return src + torch._multihead(src, src, src, src_mask, is_causal, src_key_padding_mask, self.batch_first)
class TransformerEncoder(Module):
    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        self.layer = encoder_layer
        self.num_layers = num_layers
        self.norm = norm
    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        for _ in range(self.num_layers):
            src = self.layer(src, mask, src_key_padding_mask, False if is_causal is None else is_causal)
        return src if self.norm is None else self.norm(src)
class _Elementwise(Module):
    def __init__(self, *args, **kwargs): pass
    def forward(self, x): return F.silu(x)
class GELU(_Elementwise): pass
class SiLU(_Elementwise): pass
class ReLU(_Elementwise): pass
class Sigmoid(_Elementwise): pass
class Tanh(_Elementwise): pass
class Softplus(_Elementwise): pass
class LeakyReLU(_Elementwise): pass
class Mish(_Elementwise): pass
class ELU(_Elementwise): pass
class Hardswish(_Elementwise): pass
class RoPE(Module):
    def __init__(self, dims, traditional=False, base=10000, scale=1.0): pass
    def __call__(self, x, offset=0): return F.layer_norm(x, x.shape[-1:])
class Dropout(Module):
    def __init__(self, p=0.5, inplace=False): self.p = p
    def forward(self, x): return x
class Identity(Module):
    def __init__(self, *args, **kwargs): pass
    def forward(self, x): return x
class Softmax(Module):
    def __init__(self, dim=-1): self.dim = dim
    def forward(self, x): return F.softmax(x, self.dim)
class CrossEntropyLoss(Module):
    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None,
                 reduction="mean", label_smoothing=0.0):
        self.reduction = reduction
    def forward(self, input, target): return F.cross_entropy(input, target, reduction=self.reduction)
class ModuleList(Module):
    def __init__(self, modules=None): self._items = list(modules) if modules is not None else []
    def append(self, module):
        self._items.append(module)
        return self
    def extend(self, modules):
        self._items.extend(modules)
        return self
    def insert(self, index, module): self._items.insert(index, module)
    def __len__(self): return len(self._items)
    def __getitem__(self, index):
        if isinstance(index, slice):
            return ModuleList(self._items[index])
        return self._items[index]
    def __setitem__(self, index, module): self._items[index] = module
    def __iter__(self): return self._items
class ParameterList(ModuleList): pass
class Sequential(ModuleList):
    def __init__(self, *modules):
        if len(modules) == 1 and isinstance(modules[0], dict):
            modules = tuple(modules[0].values())
        self._items = list(modules)
    def forward(self, x):
        for module in self._items:
            x = module(x)
        return x
class ModuleDict(Module):
    def __init__(self, modules=None): self._table = dict(modules) if modules is not None else {}
    def __getitem__(self, key): return self._table[key]
    def __setitem__(self, key, module): self._table[key] = module
    def __contains__(self, key): return key in self._table
    def __iter__(self): return list(self._table)
    def __len__(self): return len(self._table)
    def __getattr__(self, name): return self._table[name]
    def keys(self): return list(self._table.keys())
    def values(self): return list(self._table.values())
    def items(self): return list(self._table.items())
    def update(self, more): self._table.update(more)
class ParameterDict(ModuleDict): pass
"""
"""Only what decides which positions a result depends on; weights are there for their shapes."""


@cache
def tree() -> ast.Module:
    """The modules' source, parsed once."""
    return ast.parse(SOURCE)


SAME_MODULE = frozenset(
    "eval train to cuda cpu float half bfloat16 double requires_grad_ zero_grad type compile to_empty "
    "share_memory xpu".split()
)
NO_EFFECT = frozenset("load_state_dict _load_from_state_dict extra_repr reset_parameters".split())
HOOKS = frozenset(
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_load_state_dict_post_hook "
    "register_full_backward_pre_hook register_state_dict_pre_hook".split()
)
WALKS = frozenset(
    "parameters modules named_parameters named_modules children named_children buffers named_buffers state_dict".split()
)


def module_attribute(it: Walker, module: Instance, name: str) -> Any:
    """A method that every module has; `MISSING` for others."""
    if name in SAME_MODULE:
        return Native(lambda *_args, **_more: module, name)
    if name == "apply":
        return Native(lambda function: _applied(it, module, function), name)
    if name in NO_EFFECT:
        return Native(lambda *_args, **_more: None, name)
    if name in HOOKS:
        return Native(
            lambda *_args, **_more: module.attributes.__setitem__("_hooked", "forward" in name), name
        )
    if name == "register_buffer":
        return Native(
            lambda name, tensor=None, persistent=True: _buffer(module, name, tensor, persistent), name
        )
    if name in ("register_parameter", "add_module", "register_module"):
        return Native(lambda name, value: module.attributes.__setitem__(name, value), name)
    if name in WALKS:
        return Native(lambda *_args, **more: walk(module, name), name)
    if name in ("_parameters", "_buffers", "_modules"):
        return {}
    if name == "__setattr__":
        return Native(lambda key, value: module.attributes.__setitem__(key, value), name)
    if name == "get_parameter":
        return Native(lambda path: it.unknown(f"parameter {path}"), name)
    return MISSING


def _applied(it: Walker, module: Instance, function: Any) -> Instance:
    for part in walk(module, "modules"):
        it.call(function, [part], {})
    return module


def _buffer(module: Instance, name: str, tensor: Any, persistent: Any) -> None:
    """A buffer; what a checkpoint may overwrite has no value that is certain."""
    if isinstance(tensor, Tensor) and persistent is not False and tensor.value is not None:
        tensor = tensor.same_content()
        tensor.value, tensor._code, tensor.lost = None, None, True
    module.attributes[name] = tensor


def walk(module: Instance, what: str) -> Any:
    """The parts of a module: its parameters, or its modules."""
    modules: list[tuple[str, Instance]] = []
    tensors: list[tuple[str, Tensor]] = []

    def visit(value: Any, path: str, depth: int) -> None:
        if depth > 24:
            raise NotFollowed("modules that nest too deeply")
        if isinstance(value, Instance) and value.cls.is_module:
            if all(value is not known for _, known in modules):
                modules.append((path, value))
                for name, part in value.attributes.items():
                    inner = path if name in ("_items", "_table") else f"{path}.{name}" if path else name
                    visit(part, inner, depth + 1)
        elif isinstance(value, Tensor):
            tensors.append((path, value))
        elif isinstance(value, list | tuple):
            for number, part in enumerate(value):
                visit(part, f"{path}.{number}" if path else str(number), depth + 1)
        elif isinstance(value, dict):
            for key, part in value.items():
                visit(part, f"{path}.{key}", depth + 1)

    visit(module, "", 0)
    if what in ("parameters", "buffers"):
        return [tensor for _, tensor in tensors] if what == "parameters" else []
    if what == "named_parameters":
        return tensors
    if what == "named_buffers":
        return []
    if what == "state_dict":
        return dict(tensors)
    if what == "modules":
        return [part for _, part in modules]
    if what == "named_modules":
        return modules
    children = [(path, part) for path, part in modules if path and "." not in path]
    return [part for _, part in children] if what == "children" else children
