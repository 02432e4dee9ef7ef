"""Calls of neural-network modules and optimisers.

The body of a module's method is not followed: its result is made of its arguments and the module's weights. What
matters is read from its text once: whether it takes a loss and of which parameter, and whether it only resets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.causality.handover import ModelCall
from auditor.static.domain.heap import Class, Func, Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, SymbolicInt, Value
from auditor.static.effects.forward_pass import names_read
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import RESETS, SAME
from auditor.static.names.torch import LOSS_FUNCTIONS
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.state_dicts import Weights
from auditor.trace.events import TRAINING_STEP, Clock, Place
from auditor.trace.region import Region

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

LOSS_NAME = re.compile(
    r"cross_entropy|softcap\w*ce\b|fused\w*ce\b|_ce\b|ce_loss|CrossEntropy|nll_loss", re.IGNORECASE
)
PARTS = frozenset(
    [
        "parameters",
        "named_parameters",
        "modules",
        "named_modules",
        "children",
        "named_children",
        "buffers",
        "named_buffers",
        "get_parameter",
        "get_submodule",
    ]
)

OPTIMIZER_METHODS = frozenset(["step", "zero_grad", "state_dict", "load_state_dict", "add_param_group"])
WEIGHT_WRITES = frozenset(["sub_", "add_", "lerp_", "copy_", "mul_", "div_", "addcmul_", "addcdiv_", "set_"])
MAX_LOSS_CALLS = 8
"""Functions in one another whose text is asked for a loss."""
MAX_ASKED = 6
"""Functions in one another whose text is asked whether it trains."""


RUNNING_STATISTICS = frozenset(
    ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "SyncBatchNorm", "batch_norm"]
)
"""Layers that keep statistics of the batches that they see in training mode."""


class Modules:
    """What modules and optimisers do."""

    def __init__(
        self, machine: Machine, effects: EffectsRoom, hooks: Hooks, state_dicts: Weights, callbacks: Callbacks
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.hooks = hooks
        self.state_dicts = state_dicts
        self.callbacks = callbacks
        self.loss_targets: dict[tuple[int, str], str | None] = {}
        self.model_calls: dict[tuple[int, str, Place], ModelCall] = {}

    def call_module(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if name in ("eval", "train"):
            mode = args[0] if args else keywords.get("mode", Const(name == "train"))
            self.heap.put(module, "training", mode if isinstance(mode, Const) else CLEAN)
        if name == "apply" and args and self.callbacks.is_callback(args[0]):
            self.callbacks.called_back(args[0], [module], node, certain=True)
        if name in SAME or name in ("module", "apply", "compile"):
            return module
        if name in PARTS or name in ("to_empty", "state_dict"):
            return self.views.data(module)
        if name == "load_state_dict":
            self.state_dicts.load_state(module, self.views.data(args[0]) if args else CLEAN, node)
            return CLEAN
        if name in ("add_module", "register_module"):
            self.heap.put(module, Obj.wrapped, (*self.views.wrapped_by(module), *self.views.modules_in(args)))
            return CLEAN
        if name in ("register_buffer", "register_parameter") and len(args) > 1:
            if isinstance(args[0], Const) and self.views.data(args[1]).relevant:
                self.heap.put(module, str(args[0].value), args[1])
            return CLEAN
        if name in ("zero_grad", "register_buffer", "register_parameter", "half_"):
            return CLEAN
        if name == "forward" and module.cls is not None and module.cls.find("forward") is None:
            name = "__call__" if module.cls.find("__call__") is not None else name
        return self.hooks.hooked_call(
            module, args, lambda: self.forward(module, name, args, keywords, node), node
        )

    def keeps_statistics(self, cls: Class | None) -> bool:
        """Whether a module, or one of those that its text makes, takes statistics of what it sees while it trains."""
        waiting: list[object] = [cls]
        seen: set[int] = set()
        while waiting:
            asked = waiting.pop()
            if not isinstance(asked, Class) or id(asked.node) in seen:
                continue
            seen.add(id(asked.node))
            if normalises_over_batches(asked.node):
                return True
            waiting += asked.bases
            for name in names_read(asked.node):
                scope = asked.env.find(name)
                waiting.append(scope.d.get(name) if scope is not None else None)
        return False

    def changes_states(self, method: Func) -> bool:
        """Whether the text of a function takes gradients or writes weights."""
        return self.trains(method) or writes_weights(method.node)

    def is_entered(self, method: Func, given: Data) -> bool:
        """Whether a method of a module is followed: it changes weights by what it is given."""
        if not (given.updates or given.losses or any(region.source == "val" for region in given.regions)):
            return False
        return self.trains(method) or (method_name(method) != "forward" and writes_weights(method.node))

    def trains(self, method: Func, depth: int = 0) -> bool:
        """Whether the text of a function takes gradients, itself or in what it calls by name."""
        gradients, called, methods = training_calls(method.node)
        if gradients or depth > MAX_ASKED:
            return gradients
        found = [self.frames.globals.d.get(name) for name in called]
        if method.owner is not None:
            found += [method.owner.find(name) for name in methods]
        return any(
            isinstance(f, Func) and f.node is not method.node and self.trains(f, depth + 1) for f in found
        )

    def forward(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        given = [*args, *keywords.values()]
        out = self.views.mix(*given)
        method = module.cls.find(name) if module.cls is not None else None
        if method is not None and not out.regions and only_resets(method.node):
            self.effects.scoring.reset(module, node, f"{module.name or 'module'}.{name}")
            return CLEAN
        reads_validation = any(region.source == "val" for region in out.regions)
        if method is not None and reads_validation and not self.frames.following:
            self.note_model_call(module, name, method, args, keywords, node)
        if method is not None and self.is_entered(method, out):
            return self.machine.apply.call_function(replace(method, instance=module), args, keywords, node)
        members = self.views.members(module)
        for part in members:
            self.effects.ambient_state.unread_forward(part, given, node)
        mode = module.d.get("training")
        if (
            reads_validation
            and not (isinstance(mode, Const) and not mode.value)
            and self.keeps_statistics(module.cls)
        ):
            self.effects.scoring.update(module, out.regions, node, "in place", "its running statistics")
        result = replace(
            out,
            updates=out.updates.union(*map(self.views.own_history, members)),
            doubts=out.doubts.union(*(member.doubts for member in members)),
            states=out.states | members,
            refs=frozenset((module,)) if not given and not out.regions else frozenset(),
            span=None,
            array=None,
            template=None,
        )
        if module.cls is None or method is None:
            return result
        target = self.loss_target(module.cls, name)
        scored_tokens = self.argument(method, target, args, keywords) if target else None
        seen = self.views.mix(*(value for value in given if value is not scored_tokens)).regions
        result = self.effects.ambient_state.with_ambient_state(module, method, result, seen, node)
        if reads_validation:
            self.effects.document_carry.note_carries(module, node)
        if target is not None:
            value = self.argument(method, target, args, keywords)
            if (
                value is not None
                and args
                and self.are_hidden_states(self.views.data(value), self.views.data(args[0]))
            ):
                return result  # a part of the model was called, a block of it
            if self.frames.following and id(method.node) in self.frames.active:
                return result  # the same, inside the model
            if value is None or not self.views.data(value).regions:
                return self.without_target(module, result, method, args, keywords, node)
            followed = self.effects.forward_pass.followed(module, method, args, keywords, node)
            form, result = followed.formula, replace(result, updates=result.updates | followed.chosen)
            names = [a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args)][1:]
            if args and target != names[0]:
                form = self.effects.formulas.of_places(
                    form, self.views.data(args[0]), self.views.data(value), node
                )
            before, self.effects.scoring.variant = (
                self.effects.scoring.variant,
                tuple(map(self.variant_of, given)),
            )
            try:
                return self.effects.scoring.loss(self.views.data(value), result, node, formula=form)
            finally:
                self.effects.scoring.variant = before
        if method is not None and result.regions and writes_buffers(method.node):
            self.effects.scoring.update(module, result.regions, node, "table", f"{name} writes its buffers")
        return result

    def note_model_call(
        self,
        module: Obj,
        name: str,
        method: Func,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> None:
        """Keep a call of a model with validation tokens, for the proof of its forward pass."""
        place = self.recorder.place(node)
        names = tuple(a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args))[1:]
        self.model_calls[module.number, name, place] = ModelCall(
            module, name, names, tuple(args), dict(keywords), place, node
        )

    def variant_of(self, value: Value) -> object:
        """A setting of a call that may tell its score from that of another call: a number, or the turn of a loop."""
        if isinstance(value, Const):
            return value.value if isinstance(value.value, (int, float)) else None
        if isinstance(value, SymbolicInt):
            return value.expr
        if isinstance(value, Data) and not (value.regions or value.states or value.updates):
            return value.turns
        return None

    def are_hidden_states(self, value: Data, given: Data) -> bool:
        """Whether a value was computed by a module from no other tokens than the input: it is no target then."""
        return any(state.kind == "module" for state in value.states) and value.regions <= given.regions

    def without_target(
        self,
        module: Obj,
        result: Data,
        method: Func,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Data:
        """A method that could take a loss, called without the target it would be of: it gives logits."""
        regioned = [v for v in (*args, *keywords.values()) if self.views.data(v).regions]
        if len(regioned) >= 2:
            followed = self.effects.forward_pass.followed(module, method, args, keywords, node)
            result = replace(result, updates=result.updates | followed.chosen)
            return self.effects.scoring.loss(
                self.views.data(regioned[-1]), result, node, formula=followed.formula
            )
        return result

    def argument(
        self, method: Func, name: str, args: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        if name in keywords:
            return keywords[name]
        names = [a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args)][1:]
        if name in names and names.index(name) < len(args):
            return args[names.index(name)]
        return None

    # what the text of a method says
    def loss_target(self, cls: Class, name: str, depth: int = 0) -> str | None:
        """The parameter that a method takes a loss of, "" if it takes one but not of a parameter, None if none."""
        key = (id(cls.node), name)
        if key in self.loss_targets:
            return self.loss_targets[key]
        self.loss_targets[key] = None
        method = cls.find(name)
        found = self.loss_in(method, cls, depth) if method is not None else None
        self.loss_targets[key] = found
        return found

    def loss_in(self, function: Func, cls: Class, depth: int) -> str | None:
        """The same of any function that a method of the class calls, or of the method itself."""
        if isinstance(function.node, ast.Lambda) or depth >= MAX_LOSS_CALLS:
            return None
        arguments = function.node.args
        parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        assigned = local_sources(function.node)
        found: str | None = None
        for call in ast.walk(function.node):
            if not isinstance(call, ast.Call):
                continue
            inner = self.loss_call(call, cls, depth) or picked_entry(call, function.node)
            if inner is None:
                continue
            found = root_parameter(inner, assigned, parameters) or found or ""
            if found:
                break
        return found

    def loss_call(self, call: ast.Call, cls: Class, depth: int) -> ast.expr | None:
        """The expression that a call takes a loss of, or None if it takes none."""
        func = call.func
        if isinstance(func, ast.Attribute):
            if func.attr in LOSS_FUNCTIONS:
                position = LOSS_FUNCTIONS[func.attr][1]
                return argument_of(call, position, ("target", "targets", "labels"))
            if (
                isinstance(func.value, ast.Name)
                and func.value.id == "self"
                and cls.find(func.attr) is not None
            ):
                inner = self.loss_target(cls, func.attr, depth + 1)
                if inner:
                    method = cls.find(func.attr)
                    assert method is not None
                    names = [a.arg for a in method.node.args.args][1:]
                    position = names.index(inner) if inner in names else len(call.args) - 1
                    return argument_of(call, position, (inner,))
                return None
        if isinstance(func, ast.Name) and (scope := cls.env.find(func.id)) is not None:
            called = scope.d[func.id]
            target = self.loss_in(called, cls, depth + 1) if isinstance(called, Func) else None
            if target and isinstance(called, Func):
                names = [a.arg for a in (*called.node.args.posonlyargs, *called.node.args.args)]
                position = names.index(target) if target in names else len(call.args)
                return argument_of(call, position, (target,))
        text = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if LOSS_NAME.search(text) or (
            isinstance(func, ast.Attribute)
            and func.attr == "apply"
            and LOSS_NAME.search(ast.unparse(func.value))
        ):
            return argument_of(call, 1, ("target", "targets", "labels", "y"))
        return None

    # gradients
    def backward(self, loss: Data, node: ast.AST) -> None:
        """A gradient reaches every state that the loss was computed with."""
        regions = frozenset(r for r in loss.regions if r.source == "val")
        states = loss.states | loss.refs
        for state in states:
            pending = state.pending
            known = pending if isinstance(pending, frozenset) else frozenset()
            if not regions <= known:
                self.heap.put(state, Obj.pending, known | regions)
            if "train" in loss.marks and not state.on_training_data:
                self.heap.put(state, Obj.on_training_data, True)
        self.hooks.at_gradient(states, regions, node)

    def optimizer_method(
        self, optimizer: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        content = self.views.content(optimizer)
        states = sorted(content.refs | content.states, key=lambda o: o.number)
        if optimizer.cls is not None and any("lr_scheduler" in b for b in optimizer.cls.library_bases()):
            if name == "step":
                for rates in filter(None, map(optimizer.cls.find, ("get_lr", "_get_closed_form_lr"))):
                    self.machine.apply.call(replace(rates, instance=optimizer), [], {}, node)
                return CLEAN
        own = optimizer.cls.find(name) if optimizer.cls is not None else None
        if own is not None and (name not in OPTIMIZER_METHODS or self.trains(own)):
            followed = self.machine.apply.call(replace(own, instance=optimizer), args, keywords, node)
            if name not in OPTIMIZER_METHODS:
                return followed
            args = []
        if name == "step":
            self.hooks.at_step(optimizer, "before step", node)
            result: Value = CLEAN
            closure = args[0] if args else keywords.get("closure")
            if closure is not None and self.machine.evaluate.is_callable_here(closure):
                result = self.machine.apply.call(closure, [], {}, node)
            if not self.stepped(states, node, optimizer.name or "optimizer"):
                self.training_step(node, any(state.on_training_data for state in states))
            for owner in states if optimizer.rates else ():
                self.heap.put(owner, Obj.history, self.views.own_history(owner) | optimizer.rates)
            self.hooks.at_step(optimizer, "after step", node)
            return result
        if name == "zero_grad":
            for state in states:
                if state.pending:
                    self.heap.put(state, Obj.pending, frozenset())
                if state.on_training_data:
                    self.heap.put(state, Obj.on_training_data, False)
            return CLEAN
        if name == "add_param_group":
            self.heap.put(optimizer, Obj.content, combine(content, self.views.mix_references(args)))
            return CLEAN
        if name in ("state_dict",):
            return CLEAN
        return CLEAN

    def stepped(self, states: Iterable[Obj], node: ast.AST, by: str) -> bool:
        """Gradients that wait for a step become updates; whether any of validation tokens did."""
        found = False
        for state in sorted(states, key=lambda o: o.number):
            pending = state.pending
            if isinstance(pending, frozenset) and pending:
                regions = [r for r in pending if isinstance(r, Region)]
                self.effects.scoring.update(state, regions, node, "gradient", f"{by}.step")
                found = True
        return found

    def training_step(self, node: ast.AST, on_training_data: bool) -> None:
        """A step that no validation token had a part in: the training phase is running."""
        place = self.recorder.place(node)
        leaf = self.recorder.node.child("event", "Clock", place)
        if not leaf.events:
            event = Clock(
                **self.recorder.common(node), phase=TRAINING_STEP, on_training_data=on_training_data
            )
            self.recorder.events[event.number] = event
            leaf.events.append(event)


def picked_entry(call: ast.Call, method: FunctionNode) -> ast.expr | None:
    """The index by which entries are picked in a method that normalises over the vocabulary by hand."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in ("gather", "take_along_dim"):
        return None
    if not normalises(method):
        return None
    named = next((k.value for k in call.keywords if k.arg in ("index", "indices")), None)
    of_library = isinstance(func.value, ast.Name) and func.value.id in ("torch", "F")
    place = (2 if of_library else 1) if func.attr == "gather" else (1 if of_library else 0)
    return named or (call.args[place] if place < len(call.args) else None)


@once_a_node
def normalises_over_batches(tree: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in RUNNING_STATISTICS for n in walk(tree))


@once_a_node
def normalises(method: FunctionNode) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in ("log_softmax", "logsumexp") for n in walk(method))


def method_name(method: Func) -> str:
    return "" if isinstance(method.node, ast.Lambda) else method.node.name


@once_a_node
def training_calls(function: FunctionNode) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Whether a text takes gradients, the functions it calls by name, and the methods it calls on `self`."""
    gradients = False
    called: dict[str, None] = {}
    methods: dict[str, None] = {}
    for node in walk(function):
        if isinstance(node, ast.Attribute):
            gradients = gradients or node.attr in ("backward", "autograd")
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                methods[node.attr] = None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called[node.func.id] = None
    return gradients, tuple(called), tuple(methods)


@once_a_node
def writes_weights(method: FunctionNode) -> bool:
    """Whether a text changes tensors in place by arithmetic, as a step taken by hand does."""
    return any(isinstance(node, ast.Attribute) and node.attr in WEIGHT_WRITES for node in walk(method))


def argument_of(call: ast.Call, position: int, names: tuple[str, ...]) -> ast.expr:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    if 0 <= position < len(call.args):
        return call.args[position]
    return call


@once_a_node
def only_resets(method: FunctionNode) -> bool:
    """Whether a method only zeroes or initialises in place."""
    found = False
    for node in walk(method):
        if isinstance(node, ast.Attribute):
            if node.attr in RESETS:
                found = True
            if node.attr in (
                "cross_entropy",
                "linear",
                "log_softmax",
                "embedding",
                "bincount",
                "scatter_add_",
            ):
                return False
    return found


@once_a_node
def writes_buffers(method: FunctionNode) -> bool:
    """Whether a method writes attributes of its object by index or in place: a cache inside a module."""
    for node in walk(method):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("index_add_", "scatter_add_", "index_put_", "scatter_", "index_copy_"):
                if "self." in ast.unparse(node.func.value):
                    return True
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Subscript) and ast.unparse(target.value).startswith("self."):
                    return True
    return False


@once_a_node
def local_sources(function: ast.AST) -> dict[str, ast.expr]:
    """What each local name was last assigned, for following a name back to a parameter."""
    out: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                out.setdefault(target.id, node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for name, value in zip(target.elts, node.value.elts, strict=False):
                    if isinstance(name, ast.Name):
                        out.setdefault(name.id, value)
    return out


def root_parameter(expression: ast.expr, assigned: dict[str, ast.expr], parameters: list[str]) -> str | None:
    """The parameter that an expression is a form of: `targets.reshape(-1)` is a form of `targets`."""
    for _ in range(12):
        if isinstance(expression, ast.Name):
            if expression.id in parameters and expression.id != "self":
                return expression.id
            if expression.id not in assigned:
                return None
            expression = assigned[expression.id]
        elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
            root = root_parameter(expression.func.value, assigned, parameters)
            if root is not None or not expression.args:
                return root
            expression = expression.args[0]
        elif isinstance(expression, ast.BinOp):
            expression = expression.left
        elif isinstance(expression, (ast.Attribute, ast.Subscript)):
            expression = expression.value
        else:
            return None
    return None
