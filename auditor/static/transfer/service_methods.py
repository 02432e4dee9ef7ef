"""Methods of executors, loggers and files: what runs what it is handed, and what leaves the script."""

from __future__ import annotations

from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, Generator, Method, Partial, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.calls import Calls
from auditor.static.transfer.dispatch import Functions
from auditor.static.transfer.files import Files, split_of
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.method_call import MethodCall, Rows
from auditor.static.transfer.state_dicts import Weights

KEEPS = frozenset([
    "append", "appendleft", "extend", "insert", "put", "add", "push", "setdefault", "update", "set", "register",
])  # fmt: skip
"""Methods that keep what they are handed."""
LOGGING = frozenset(["info", "warning", "write", "debug", "error", "critical", "log"])


class ServiceMethods:
    """Calls of methods of executors, loggers and files."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        state_dicts: Weights,
        files: Files,
        callbacks: Callbacks,
        life_cycle: LifeCycle,
        dispatch: Functions,
        calls: Calls,
    ) -> None:
        self.machine = machine
        self.views = machine.views
        self.effects = effects
        self.state_dicts = state_dicts
        self.files = files
        self.callbacks = callbacks
        self.life_cycle = life_cycle
        self.dispatch = dispatch
        self.calls = calls
        self.rows: Rows = (
            (frozenset(["submit", "apply_async"]), self.submitted),
            (frozenset(["map", "imap", "imap_unordered"]), self.mapped),
            (frozenset(["starmap", "starmap_async"]), self.starmapped),
            (frozenset(["run_in_executor", "call_soon", "apply", "call_soon_threadsafe"]), self.in_executor),
            (None, self.called_back),
            (LOGGING, self.logged),
            (frozenset(["tofile", "writelines"]), self.saved),
            (frozenset(["read_bytes", "read_text", "open"]), self.opened),
        )

    # functions that are handed over
    def is_submitted(self, value: Value) -> bool:
        """Whether an executor is given something to call."""
        return isinstance(value, (Partial, Method)) or self.callbacks.is_callback(value)

    def submitted(self, call: MethodCall) -> Value | None:
        args = call.args
        if not args or not self.is_submitted(args[0]):
            return None
        packed = args[1] if call.name == "apply_async" and len(args) > 1 else None
        handed = list(packed.items) if isinstance(packed, TupleValue) else args[1:]
        return self.calls.call(args[0], handed, call.keywords, call.node)

    def mapped(self, call: MethodCall) -> Value | None:
        args = call.args
        if len(args) < 2 or not self.is_submitted(args[0]):
            return None
        # a pool does not wait until its results are taken
        made = self.machine.evaluate.mapped(args[0], args[1:], call.node)
        return self.machine.evaluate.listed(made, at_once=True)

    def starmapped(self, call: MethodCall) -> Value | None:
        if len(call.args) < 2 or not self.callbacks.is_callback(call.args[0]):
            return None
        made = self.callbacks.starmapped(call.args, {}, call.node)
        return self.machine.evaluate.listed(made, at_once=True) if isinstance(made, Generator) else CLEAN

    def in_executor(self, call: MethodCall) -> Value | None:
        return self.callbacks.in_executor(call.args, call.keywords, call.node)

    def called_back(self, call: MethodCall) -> None:
        """A function that an unknown method is handed may be called; one that is kept is not called yet."""
        for value in call.given if call.name not in KEEPS else ():
            if self.callbacks.is_callback(value):
                rest = [call.owner, *(a for a in call.args if a is not value)]
                self.callbacks.called_back(value, rest, call.node, certain=False)

    # what leaves the script
    def logged(self, call: MethodCall) -> Value | None:
        if not call.given:
            return None
        self.life_cycle.logged(call.args, call.node)
        self.effects.scoring.report(call.args, call.keywords, call.node)
        written = self.views.mix(*call.given)
        if call.name == "write" and written.template is None and not written.losses:
            self.state_dicts.saved(written, call.node)
        return CLEAN

    def saved(self, call: MethodCall) -> Value:
        self.state_dicts.saved(self.views.mix(call.owner, *call.args), call.node)
        return CLEAN

    def opened(self, call: MethodCall) -> Value | None:
        if call.record.template is None:
            return None
        given = call.args if call.name == "open" else []
        return self.dispatch.call_library("builtins.open", [call.owner, *given], call.keywords, call.node)

    def other_split(self, call: MethodCall) -> Value | None:
        """Another split's file beside the training shards: `path.replace("train", "val")`."""
        if "train" not in call.record.marks or call.record.states:
            return None
        texts = [str(a.value) for a in call.args if isinstance(a, Const)]
        return self.files.file_named(texts[-1], call.node) if texts and split_of(texts[-1]) == "val" else None
