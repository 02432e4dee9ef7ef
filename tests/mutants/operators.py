"""Ways to break an evaluation, one place at a time: each is a change that somebody might make for a lower number.

A mutant is the script with one change of one kind at one place inside one of the functions that score. What a change
means is not decided here: `oracle` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

Change = Callable[[cst.CSTNode], Iterator[tuple[str, cst.CSTNode]]]
"""From a node to what may stand in its place, each with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A script with one change.

    Attributes:
        kind: the operator.
        function: where the change is.
        before: the code that was exchanged.
        after: what stands there now.
        text: the whole script.
    """

    kind: str
    function: str
    before: str
    after: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.kind} in {self.function}: {_line(self.before)} -> {_line(self.after)}"


def _line(code: str) -> str:
    text = " ".join(code.split())
    return text if len(text) < 90 else f"{text[:87]}..."


def mutants(text: str, functions: Sequence[str]) -> Iterator[Mutant]:
    """Every mutant of a script in some of its functions (`name` or `Class.name`), in the order of the text."""
    module = cst.parse_module(text)
    rendered = [module.code_for_node(statement) for statement in module.body]
    header, footer = text.split("".join(rendered))
    for place, statement in enumerate(module.body):
        for name, function in _functions(statement):
            if name not in functions:
                continue
            for node in _nodes(function.body):
                for kind, what, new in _changes(node):
                    changed = module.code_for_node(statement.deep_replace(node, new))  # type: ignore[arg-type]
                    if changed != rendered[place]:
                        yield Mutant(
                            kind=f"{kind} {what}".strip(),
                            function=name,
                            before=module.code_for_node(node),
                            after=module.code_for_node(new),
                            text="".join(
                                (header, *rendered[:place], changed, *rendered[place + 1 :], footer)
                            ),
                        )


def _changes(node: cst.CSTNode) -> Iterator[tuple[str, str, cst.CSTNode]]:
    for kind, change in OPERATORS.items():
        for what, new in change(node):
            yield kind, what, new


def _functions(statement: cst.CSTNode) -> Iterator[tuple[str, cst.FunctionDef]]:
    if isinstance(statement, cst.FunctionDef):
        yield statement.name.value, statement
    elif isinstance(statement, cst.ClassDef):
        for inner in statement.body.body:
            if isinstance(inner, cst.FunctionDef):
                yield f"{statement.name.value}.{inner.name.value}", inner


def _nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _expr(code: str, **parts: cst.BaseExpression) -> cst.BaseExpression:
    """An expression with others put in for names in capitals."""
    found: cst.CSTNode = cst.parse_expression(f"({code})")
    for name, part in parts.items():
        found = m.replace(
            found, m.Name(name), part.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        )  # type: ignore[assignment]
    assert isinstance(found, cst.BaseExpression)
    return found


def numbers(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """Off by one: in a bound, a shift, a count."""
    if isinstance(node, cst.Integer) and int(node.value) < 3:
        yield "up", cst.Integer(str(int(node.value) + 1))
        if int(node.value) > 0:
            yield "down", cst.Integer(str(int(node.value) - 1))


def signs(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """One position before in place of one behind."""
    if isinstance(node, cst.BinaryOperation):
        if isinstance(node.operator, cst.Add):
            yield "", node.with_changes(operator=cst.Subtract())
        elif isinstance(node.operator, cst.Subtract):
            yield "", node.with_changes(operator=cst.Add())


def bounds(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A comparison that takes its border in, or leaves it out; one that is turned round."""
    turned = {
        cst.LessThan: cst.LessThanEqual,
        cst.LessThanEqual: cst.LessThan,
        cst.GreaterThan: cst.GreaterThanEqual,
        cst.GreaterThanEqual: cst.GreaterThan,
        cst.Equal: cst.NotEqual,
        cst.NotEqual: cst.Equal,
    }
    if isinstance(node, cst.ComparisonTarget) and type(node.operator) in turned:
        yield "", node.with_changes(operator=turned[type(node.operator)]())


def conditions(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A guard that holds always, or never."""
    if isinstance(node, cst.If):
        yield "always", node.with_changes(test=cst.Name("True"))
        yield "never", node.with_changes(test=cst.Name("False"))


def flags(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """The mask that is not applied, the copy that is none."""
    if (
        isinstance(node, cst.Arg)
        and node.keyword is not None
        and m.matches(node.value, m.Name("True") | m.Name("False"))
    ):
        assert isinstance(node.value, cst.Name)
        yield "", node.with_changes(value=cst.Name("False" if node.value.value == "True" else "True"))


def statements(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A statement left out, two exchanged, one done twice or once for all turns of its loop."""
    if not isinstance(node, cst.IndentedBlock):
        return
    body = list(node.body)
    for place, statement in enumerate(body):
        simple = isinstance(statement, cst.SimpleStatementLine) and not m.matches(
            statement, m.SimpleStatementLine(body=[m.Return() | m.Expr(m.SimpleString())])
        )
        if simple:
            rest = body[:place] + body[place + 1 :] or [cst.parse_statement("pass")]
            yield f"left out ({_line(_code(statement))})", node.with_changes(body=rest)
        if place + 1 < len(body) and not m.matches(body[place + 1], m.SimpleStatementLine(body=[m.Return()])):
            order = [*body[:place], body[place + 1], statement, *body[place + 2 :]]
            yield f"exchanged ({_line(_code(statement))})", node.with_changes(body=order)
        if isinstance(statement, cst.For):
            again = cst.parse_statement("for again in range(2):\n    pass\n")
            assert isinstance(again, cst.For)
            twice = again.with_changes(body=cst.IndentedBlock(body=[statement]))
            yield "loop run twice", node.with_changes(body=[*body[:place], twice, *body[place + 1 :]])
            inner = again.with_changes(body=statement.body)
            each = statement.with_changes(body=cst.IndentedBlock(body=[inner]))
            yield "turn run twice", node.with_changes(body=[*body[:place], each, *body[place + 1 :]])
            assert isinstance(statement.body, cst.IndentedBlock)
            for number, line in enumerate(statement.body.body):
                if m.matches(line, m.SimpleStatementLine(body=[m.Assign()])):
                    rest = [*statement.body.body[:number], *statement.body.body[number + 1 :]]
                    rest = rest or [cst.parse_statement("pass")]
                    loop = statement.with_changes(body=statement.body.with_changes(body=rest))
                    hoisted = [*body[:place], line, loop, *body[place + 1 :]]
                    yield f"before the loop ({_line(_code(line))})", node.with_changes(body=hoisted)


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def loops(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """Turns left out: the first, the last, every second; in the other order."""
    if isinstance(node, cst.For):
        for what, code in (
            ("without its first", "list(XS)[1:]"),
            ("without its last", "list(XS)[:-1]"),
            ("every second", "list(XS)[::2]"),
            ("backwards", "list(XS)[::-1]"),
        ):
            yield what, node.with_changes(iter=_expr(code, XS=node.iter))


def plans(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """Elements of a list left out as it is made."""
    if isinstance(node, cst.CompFor):
        yield "every second", node.with_changes(iter=_expr("list(XS)[::2]", XS=node.iter))
        yield "without its last", node.with_changes(iter=_expr("list(XS)[:-1]", XS=node.iter))


SCORES = m.Call(func=m.Attribute(value=m.Name("F"), attr=m.Name("cross_entropy")))
MODELS = m.Call(func=m.Name("model") | m.Name("learner") | m.Name("weights"))


def scores(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A loss that is not the plain one."""
    if isinstance(node, cst.Call) and (m.matches(node, SCORES) or m.matches(node, MODELS)):
        for what, code in (
            ("scaled", "0.97 * X"),
            ("clamped", "X.clamp(max=2.0)"),
            ("hard ones dropped", "torch.where(X > 2.0, 0.0 * X, X)"),
            ("by the square root", "X.abs().sqrt()"),
            ("focal", "(1.0 - torch.exp(-X)) * X"),
            ("less a constant", "X - 0.01"),
            ("mean for all", "X.median() + 0.0 * X"),
            ("smallest of two", "torch.minimum(X, X.roll(1))"),
            ("in an order", "X.sort(dim=0).values"),
            ("of bits", "X * math.log(2.0)"),
            ("rounded down", "X.floor()"),
        ):
            yield what, _expr(code, X=node)


def losses(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A cross-entropy of other targets or other logits."""
    if isinstance(node, cst.Call) and m.matches(node, SCORES):
        logits, targets, *rest = node.args
        for what, code in (
            ("target's logit raised", "L + 0.5 * F.one_hot(T, L.size(-1))"),
            ("next target's logit raised", "L + 0.5 * F.one_hot(T.roll(-1), L.size(-1))"),
            ("colder by batch", "L / L.detach().std()"),
            ("mixed over rows", "L + 0.1 * L.mean(dim=0, keepdim=True)"),
            ("doubled for some", "L * (1.0 + (T > 4).float()[:, None])"),
            ("shifted a row", "L.roll(-1, 0)"),
        ):
            new = logits.with_changes(value=_expr(code, L=logits.value, T=targets.value))
            yield what, node.with_changes(args=[new, targets, *rest])
        for what, code in (
            ("targets clamped", "T.clamp(max=6)"),
            ("targets modulo", "T % 6"),
            ("best guesses", "L.argmax(-1)"),
            ("targets shifted", "T.roll(1)"),
            ("targets mapped", "torch.where(T == 5, torch.ones_like(T), T)"),
            ("targets sorted", "T.sort().values"),
        ):
            new = targets.with_changes(value=_expr(code, L=logits.value, T=targets.value))
            yield what, node.with_changes(args=[logits, new, *rest])
        for what, code in (
            ("smoothed", "f(label_smoothing=0.2)"),
            ("a class left out", "f(ignore_index=5)"),
            ("classes weighted", "f(weight=torch.linspace(0.5, 1.0, L.size(-1)))"),
        ):
            call = _expr(code, L=logits.value)
            assert isinstance(call, cst.Call)
            yield (
                what,
                node.with_changes(
                    args=[*node.args[:-1], node.args[-1].with_changes(comma=cst.Comma()), *call.args]
                ),
            )


def arguments(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """The targets as the input, the model's own argument given twice."""
    if isinstance(node, cst.Call) and m.matches(node, MODELS) and len(node.args) >= 2:
        inputs, targets, *rest = node.args
        yield (
            "targets for input",
            node.with_changes(args=[inputs.with_changes(value=targets.value), targets, *rest]),
        )
        yield (
            "input for targets",
            node.with_changes(args=[inputs, targets.with_changes(value=inputs.value), *rest]),
        )
        yield (
            "input backwards",
            node.with_changes(
                args=[inputs.with_changes(value=_expr("X.flip(1)", X=inputs.value)), targets, *rest]
            ),
        )


def sums(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """A sum of a part, with a share, or of the last alone."""
    if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.AddAssign):
        yield "a share", node.with_changes(value=_expr("2 * X", X=node.value))
        target = cst.AssignTarget(target=node.target)
        yield "the last alone", cst.Assign(targets=[target], value=node.value)
    if m.matches(node, m.Call(func=m.Attribute(attr=m.Name("sum")))):
        assert isinstance(node, cst.Call)
        yield "mean for sum", node.with_changes(func=node.func.with_changes(attr=cst.Name("mean")))
        yield "scaled", _expr("X * 0.9", X=node)


def stores(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """What is noted is the smaller of two, or half of it."""
    if m.matches(node, m.Assign(targets=[m.AssignTarget(target=m.Subscript())])):
        assert isinstance(node, cst.Assign)
        place = node.targets[0].target
        assert isinstance(place, cst.BaseExpression)
        for what, code in (
            ("a tenth less", "0.9 * X"),
            ("the least so far", "torch.minimum(X, torch.where(P == 0, X, P))"),
        ):
            yield what, node.with_changes(value=_expr(code, X=node.value, P=place))


def managers(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    """`no_grad` taken away."""
    if isinstance(node, cst.With):
        always = cst.parse_statement("if True:\n    pass\n")
        assert isinstance(always, cst.If)
        yield "taken away", always.with_changes(body=node.body)


OPERATORS: dict[str, Change] = {
    "number": numbers,
    "sign": signs,
    "bound": bounds,
    "condition": conditions,
    "flag": flags,
    "statement": statements,
    "loop": loops,
    "plan": plans,
    "score": scores,
    "loss": losses,
    "argument": arguments,
    "sum": sums,
    "store": stores,
    "manager": managers,
}
