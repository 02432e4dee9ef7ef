"""Names of library functions and methods by what they mean for tokens, states and scores.

A name that is in none of the tables joins its arguments: the result is made of them. That is right for
nearly everything that torch and numpy compute (`STATIC` measured fewer than 60 exceptions on real scripts).
"""

from __future__ import annotations

BUILTINS = frozenset(
    """abs all any bool bytearray bytes callable chr classmethod compile complex dict dir divmod enumerate eval exec
    filter float format frozenset getattr globals hasattr hash hex id input int isinstance issubclass iter len list
    locals map max memoryview min next object oct open ord pow print property range repr reversed round set setattr
    slice sorted staticmethod str sum super tuple type vars zip __import__ RuntimeError ValueError Exception
    KeyError IndexError FileNotFoundError NotImplementedError AssertionError StopIteration OSError ImportError
    TypeError AttributeError KeyboardInterrupt SystemExit Ellipsis NotImplemented __build_class__ breakpoint
    ModuleNotFoundError TimeoutError PermissionError""".split()
)

SIZE_ATTRIBUTES = frozenset(
    "shape ndim dtype device dim element_size nelement itemsize nbytes layout".split()
)

# Loss functions: (position of the input, position of the target).
LOSS_FUNCTIONS = {"cross_entropy": (0, 1), "nll_loss": (0, 1)}
# Functions that give log-probabilities of the whole vocabulary: a score once the target is picked from them.
DISTRIBUTIONS = frozenset("log_softmax logsumexp".split())

# Functions and methods whose result is a position or a size, not content.
POSITION_FUNCTIONS = frozenset(
    "nonzero argwhere flatnonzero searchsorted argsort bucketize argmax argmin".split()
)

# Methods and attributes that return the same thing in another form.
SAME = frozenset(
    """to cuda cpu eval train requires_grad_ float half bfloat16 double contiguous pin_memory detach_ share_memory
    compile type_as""".split()
)
COPIES = frozenset("clone detach numpy astype long int tolist item bool copy".split())
RESHAPES = frozenset(
    "reshape view flatten ravel unsqueeze squeeze expand permute transpose T narrow repeat".split()
)

IN_PLACE = frozenset(
    """add_ mul_ sub_ div_ lerp_ addcmul_ addcdiv_ copy_ neg_ pow_ sqrt_ clamp_ scatter_add_ index_add_ put_
    index_put_ scatter_ index_copy_ masked_fill_ masked_scatter_ sigmoid_ tanh_ relu_ exp_ log_ addmm_ baddbmm_ set_
    swap_ floor_ round_ abs_ rsqrt_ reciprocal_ clip_ clamp_min_ clamp_max_ bitwise_xor_ bitwise_and_ bitwise_or_
    remainder_ fmod_ index_fill_ scatter_reduce_ logical_and_ logical_or_ logical_not_ cumsum_ map_ apply_""".split()
)
TABLE_WRITES = frozenset("scatter_add_ index_add_ put_ index_put_ scatter_ scatter_reduce_".split())
RESETS = frozenset(
    """zero_ fill_ normal_ uniform_ kaiming_uniform_ kaiming_normal_ xavier_uniform_ xavier_normal_ zeros_ ones_
    trunc_normal_ orthogonal_ constant_ eye_ random_ exponential_ bernoulli_""".split()
)

ALLOCATIONS = frozenset(
    """zeros empty ones full zeros_like empty_like full_like ones_like bytearray randn rand randn_like rand_like eye
    empty_strided new_zeros new_empty new_ones new_full""".split()
)
MAPPINGS = frozenset("defaultdict Counter OrderedDict dict".split())

OPTIMIZERS = frozenset(
    """SGD Adam AdamW LBFGS RMSprop Adagrad Adamax NAdam RAdam Adadelta ASGD Rprop SparseAdam Muon Adafactor""".split()
)

# Constructors that wrap a module without changing what it is.
WRAPPERS = frozenset(
    "DistributedDataParallel DataParallel DDP FullyShardedDataParallel compile script jit".split()
)

# Building a whole table from tokens at once.
HISTOGRAMS = frozenset("bincount histogram histc histogramdd histogram2d".split())

# A choice between scores.
SELECTIONS = frozenset("minimum min fmin amin maximum fmax".split())

# Names with no effect on anything followed here: results carry what the arguments carry.
KNOWN_ROOTS = frozenset(
    """torch numpy math os sys time json re random copy io glob pathlib collections itertools functools contextlib
    builtins dataclasses typing uuid datetime struct subprocess threading queue concurrent multiprocessing logging
    warnings gc zlib lzma bz2 gzip brotli zstandard zstd base64 hashlib pickle sentencepiece tempfile shutil operator
    string textwrap traceback inspect types enum abc argparse platform socket signal statistics bisect heapq array
    ctypes fcntl mmap secrets atexit numbers scipy tqdm triton flash_attn flash_attn_interface kernels einops
    huggingface_hub transformers datasets tiktoken tokenizers wandb psutil pynvml numba requests urllib http ssl
    importlib ast tokenize linecache __future__ fractions decimal cmath weakref codecs unicodedata locale getpass
    resource select errno stat fnmatch csv configparser pprint timeit cProfile pdb unittest doctest marshal runpy
    site sysconfig zipfile tarfile pkgutil keyword calendar zoneinfo cffi torchvision torchao apex bitsandbytes
    xformers lightning fla mamba_ssm causal_conv1d liger_kernel constriction pyppmd ftfy regex""".split()
)

NETWORK_ROOTS = frozenset(
    """requests urllib http socket ssl huggingface_hub ftplib smtplib telnetlib aiohttp httpx websockets paramiko boto3
    wandb datasets""".split()
)

INTERESTING = frozenset(
    """cross_entropy backward step nll_loss log_softmax logsumexp load_state_dict bincount print glob rglob fromfile
    state_dict gather environ getenv softmax scatter_add_ index_add_ index_put_ nonzero write urlopen urlretrieve
    copy_ add_ mul_ lerp_ addcmul_ addcdiv_ sub_ forward_logits append extend open exec memmap frombuffer
    from_file""".split()
)

LABEL = r"bpb|bits.?per.?byte|bits_byte|val_loss|val_nll|\bbpt\b|\bnll\b|\bbbp\b"
"""What the text of a line that reports a result contains."""
