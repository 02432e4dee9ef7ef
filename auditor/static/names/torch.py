"""Names of torch: losses, optimisers, wrappers of modules, random numbers."""

from __future__ import annotations

# Loss functions: (position of the input, position of the target).
LOSS_FUNCTIONS = {"cross_entropy": (0, 1), "nll_loss": (0, 1)}

# Functions that give log-probabilities of the whole vocabulary: a score once the target is picked from them.
DISTRIBUTIONS = frozenset(["log_softmax", "logsumexp"])

OPTIMIZERS = frozenset([
    "SGD", "Adam", "AdamW", "LBFGS", "RMSprop", "Adagrad", "Adamax", "NAdam", "RAdam", "Adadelta", "ASGD",
    "Rprop", "SparseAdam", "Muon", "Adafactor",
])  # fmt: skip

# Constructors that wrap a module without changing what it is.
WRAPPERS = frozenset(
    ["DistributedDataParallel", "DataParallel", "DDP", "FullyShardedDataParallel", "compile", "script", "jit"]
)

# Random numbers; all numbers up to one in an order that is drawn; and what only sets a generator.
DRAWS = frozenset(["rand", "rand_like", "randint", "randint_like", "bernoulli", "multinomial", "normal"])

ORDERS = frozenset(["randperm", "permutation"])

SEEDS = frozenset(["seed", "set_state", "setstate", "get_state", "getstate", "shuffle"])
