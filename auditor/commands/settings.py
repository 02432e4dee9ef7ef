"""`--settings FILE` and `--baseline FILE`: read here, and for a pull request from the tip of its base."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.errors import InputError

if TYPE_CHECKING:
    from auditor.judgement.accepted import Accepted
    from auditor.judgement.settings import Settings
    from rules.core.rule import Policy

Command = TypeVar("Command", bound=Callable[..., object])


def settings_options(command: Command) -> Command:
    """`--settings FILE`, `--baseline FILE`."""
    command = click.option(
        "--baseline",
        metavar="FILE",
        help="An earlier JSON: findings that stand there are told and do not count.",
    )(command)
    return click.option(
        "--settings",
        "settings_file",
        metavar="FILE",
        help="An auditor.toml or pyproject.toml; with --git that of the base branch if not given.",
    )(command)


def read_settings(settings_file: str | None, git_dir: str | None = None, base: str = "main") -> Settings:
    """The file that was named, or the one at the tip of the base; empty settings without either.

    Raises:
        InputError: the file cannot be read or used.
    """
    from auditor.judgement.settings import FILES, Settings, parse_settings
    from auditor.submission.git_store import ObjectStore

    today = datetime.date.today()
    if settings_file is not None:
        found = parse_settings(_text(settings_file), settings_file, today=today)
        if found is None:
            raise InputError(f"{settings_file} has no table [tool.parameter-golf-auditor]")
        return found
    if git_dir is None:
        return Settings()
    with ObjectStore(git_dir) as store:
        tip = store.resolve(base) or store.resolve(f"refs/remotes/origin/{base}")
        entries = {entry.path: entry for entry in store.root_entries(tip)} if tip is not None else {}
        for name in FILES:
            entry = entries.get(name)
            if entry is None or entry.is_link or entry.is_submodule:
                continue
            text = store.blob(entry.oid).decode("utf-8", errors="replace")
            if (found := parse_settings(text, f"{base}:{name}", today=today)) is not None:
                return found
    return Settings()


def accepted_by(settings: Settings, baseline: str | None) -> Accepted:
    """What is accepted today.

    Raises:
        InputError: the baseline cannot be read.
    """
    from auditor.judgement.settings import read_baseline

    known = frozenset[str]() if baseline is None else read_baseline(_text(baseline), baseline)
    return settings.accepted(known, datetime.date.today())


def policy_of(policy: str, settings: Settings) -> Policy:
    """The policy named on the command line, else that of the settings."""
    from rules.core.rule import Policy

    source = click.get_current_context().get_parameter_source("policy")
    if settings.policy is not None and source is click.core.ParameterSource.DEFAULT:
        return settings.policy
    return Policy(policy)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text") from error
