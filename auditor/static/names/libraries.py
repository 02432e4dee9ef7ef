"""Libraries as a whole, by what their functions may do with what they are handed."""

from __future__ import annotations

# Names with no effect on anything followed here: results carry what the arguments carry.
KNOWN_ROOTS = frozenset([
    "torch", "numpy", "math", "os", "sys", "time", "json", "re", "random", "copy", "io", "glob", "pathlib",
    "collections", "itertools", "functools", "contextlib", "builtins", "dataclasses", "typing", "uuid",
    "datetime", "struct", "subprocess", "threading", "queue", "concurrent", "multiprocessing", "logging",
    "warnings", "gc", "zlib", "lzma", "bz2", "gzip", "brotli", "zstandard", "zstd", "base64", "hashlib",
    "pickle", "sentencepiece", "tempfile", "shutil", "operator", "string", "textwrap", "traceback",
    "inspect", "types", "enum", "abc", "argparse", "platform", "socket", "signal", "statistics", "bisect",
    "heapq", "array", "ctypes", "fcntl", "mmap", "secrets", "atexit", "numbers", "scipy", "tqdm", "triton",
    "flash_attn", "flash_attn_interface", "kernels", "einops", "huggingface_hub", "transformers",
    "datasets", "tiktoken", "tokenizers", "wandb", "psutil", "pynvml", "numba", "requests", "urllib",
    "http", "ssl", "importlib", "ast", "tokenize", "linecache", "__future__", "fractions", "decimal",
    "cmath", "weakref", "codecs", "unicodedata", "locale", "getpass", "resource", "select", "errno", "stat",
    "fnmatch", "csv", "configparser", "pprint", "timeit", "cProfile", "pdb", "unittest", "marshal", "runpy",
    "site", "sysconfig", "zipfile", "tarfile", "pkgutil", "keyword", "calendar", "zoneinfo", "cffi",
    "torchvision", "torchao", "apex", "bitsandbytes", "xformers", "lightning", "fla", "mamba_ssm",
    "causal_conv1d", "liger_kernel", "constriction", "pyppmd", "ftfy", "regex",
])  # fmt: skip

UNREAD_ROOTS = frozenset([
    "accelerate", "apex", "bitsandbytes", "ctypes", "datasets", "fla", "lightning", "mamba_ssm", "torchao",
    "transformers",
])  # fmt: skip
"""Known libraries whose functions may change what they are handed: they train, quantise, or write memory."""

PURE_ROOTS = KNOWN_ROOTS - UNREAD_ROOTS
"""Libraries whose functions leave a state as it is, their own in-place functions and functions handed to them aside."""

NETWORK_ROOTS = frozenset([
    "requests", "urllib", "http", "socket", "ssl", "huggingface_hub", "ftplib", "smtplib", "telnetlib",
    "aiohttp", "httpx", "websockets", "paramiko", "boto3", "wandb", "datasets",
])  # fmt: skip

# Functions that give back what they are given, to be iterated.
PASSES = frozenset(["tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.trange", "rich.progress.track"])
