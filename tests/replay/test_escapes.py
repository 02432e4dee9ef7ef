"""Scripts that try to get out, to get at what they must not see, or to fool the harness: contained and named."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.submission.load import load_path

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

FLAT = Path(__file__).parents[1] / "specimens" / "flat.py"
MAIN = 'if __name__ == "__main__":\n'

Attack = Callable[..., ReplayResult]


@pytest.fixture
def attack(session: Session, tmp_path: Path) -> Attack:
    """Replays the flat specimen with code put at its top or before its end."""

    def run(
        top: str = "", last: str = "", edit: Callable[[str], str] = str, **options: float
    ) -> ReplayResult:
        text = edit(FLAT.read_text(encoding="utf-8")).replace(MAIN, top + "\n\n" + MAIN)
        path = tmp_path / "train_gpt.py"
        path.write_text(text + last, encoding="utf-8")
        chosen = ReplayOptions(seed=1, shrink=False, **options)  # type: ignore[arg-type]
        return replay_submission(load_path(str(path)).submissions[0], options=chosen, session=session)

    return run


def passed(result: ReplayResult) -> bool:
    return any(c.outcome is Outcome.PASS for c in result.conditions.values())


def test_the_specimen_itself_passes(attack: Attack) -> None:
    """The others differ from it by the attack alone."""
    assert attack().proven


def test_socket_is_refused_and_named(attack: Attack) -> None:
    result = attack('import socket\nsocket.create_connection(("192.0.2.1", 80), timeout=3)\n')
    assert not result.ran and not passed(result)
    assert (
        any("socket.connect" in access for access in result.accesses)
        or "socket" in result.reason.lower()
        or ("Network is unreachable" in result.reason or "not permitted" in result.reason)
    )


def test_a_refused_socket_that_is_passed_over_never_passes(attack: Attack) -> None:
    """What it would have done with an answer was not replayed."""
    result = attack("""
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=3)
except OSError:
    pass
""")
    assert result.ran and not passed(result)
    assert any("192.0.2.1" in c.why for c in result.conditions.values())


def test_writing_outside_is_refused_and_named(attack: Attack) -> None:
    result = attack('open("/usr/lib/planted.py", "w").write("x")\n')
    assert not result.ran and not passed(result)
    assert "/usr/lib/planted.py" in result.reason
    assert not Path("/usr/lib/planted.py").exists()


def test_reading_the_users_files_is_refused(attack: Attack, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    result = attack(f"print(open({str(secret)!r}).read())\n")
    assert not result.ran and str(secret) in result.reason


def test_training_shard_read_in_evaluation_is_withdrawn_and_named(attack: Attack) -> None:
    def edit(text: str) -> str:
        needle = "    val_loss, val_bpb = eval_val("
        assert needle in text
        peek = "    torch.cat([load_shard(path) for path in sorted(glob.glob(args.train_files))])\n"
        return text.replace(needle, peek + needle, 1)

    result = attack(edit=edit)
    assert any("training data are read after the artifact" in note for note in result.notes), result
    assert not passed(result)


def test_training_shards_looked_for_in_evaluation_are_named(attack: Attack) -> None:
    """It finds none and goes on; in the real run it would find them."""

    def edit(text: str) -> str:
        needle = "    val_loss, val_bpb = eval_val("
        return text.replace(needle, "    sorted(glob.glob(args.train_files))\n" + needle, 1)

    result = attack(edit=edit)
    assert result.ran and not passed(result)
    assert any("training data are read" in c.why for c in result.conditions.values())


def test_daemon_is_killed_and_counted(attack: Attack) -> None:
    daemon = """
import subprocess
subprocess.Popen(["sleep", "54321"], start_new_session=True)
"""
    result = attack(daemon)
    assert result.sandbox.left_behind >= 1
    assert any("still running" in note for note in result.notes)
    running = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not any(b"54321" in line for line in running)


def test_memory_is_limited(attack: Attack) -> None:
    result = attack("hoard = [bytearray(1 << 28) for _ in range(64)]\n", memory=1 << 30)
    assert not result.ran and not passed(result)
    assert "memory" in result.reason.lower()


def test_sleeping_for_ever_takes_no_time_and_looping_for_ever_is_ended(attack: Attack) -> None:
    began = time.monotonic()
    assert attack("import time\ntime.sleep(10**6)\n").ran
    result = attack("while True:\n    pass\n", seconds=4.0)
    assert not result.ran and "longer than 4 s" in result.reason
    assert time.monotonic() - began < 120


def test_patched_loss_is_refused_and_named(attack: Attack) -> None:
    """It reports a loss of its own making; what the recorder relies on was exchanged."""
    patch = """
_honest = F.cross_entropy
def _lying(*args, **kwargs):
    return _honest(*args, **kwargs) * 0.5
F.cross_entropy = _lying
"""
    result = attack(patch)
    assert not passed(result)
    assert any("cross_entropy" in c.why for c in result.conditions.values())


def test_forged_line_is_not_believed(attack: Attack) -> None:
    """It prints a number that no score gives."""

    def edit(text: str) -> str:
        return text.replace("val_loss:{val_loss:.8f}", "val_loss:{val_loss * 0.9:.8f}").replace(
            "val_bpb:{val_bpb:.8f}", "val_bpb:{val_bpb * 0.9:.8f}"
        )

    result = attack(edit=edit)
    assert result.ran and not passed(result)
    assert any("followed back" in c.why for c in result.conditions.values())


def fitted_where(condition: str) -> Callable[[str], str]:
    """The flat specimen with training on the split before it is scored, under a condition."""

    def edit(text: str) -> str:
        cheat = f"""
    if {condition}:
        tuner = torch.optim.AdamW(base_model.parameters(), lr=1e-3)
        for begin in range(0, val_tokens.numel() - 33, 32):
            x = val_tokens[begin : begin + 32].to(device)[None]
            y = val_tokens[begin + 1 : begin + 33].to(device)[None]
            base_model(x, y).backward()
            tuner.step()
            tuner.zero_grad()
"""
        needle = "    val_loss, val_bpb = eval_val("
        assert needle in text
        return text.replace(needle, cheat.lstrip("\n") + needle, 1)

    return edit


@pytest.mark.parametrize(
    "asked", ["args.vocab_size", "base_model.tok_emb.weight.shape[0]", "base_model.tok_emb.num_embeddings"]
)
@pytest.mark.parametrize("limit", [1500, 4000])
def test_script_that_behaves_for_a_small_vocabulary_never_passes(
    limit: int, asked: str, attack: Attack
) -> None:
    """The real vocabulary is above the limit, every replay's below; two witnesses tell of the side that did not run."""
    cheat, size = fitted_where(f"{asked} > {limit}"), '"VOCAB_SIZE", 1024'
    assert size in FLAT.read_text(encoding="utf-8")
    result = attack(edit=lambda text: cheat(text.replace(size, '"VOCAB_SIZE", 8192')))
    assert result.ran and not passed(result)
    assert all("was not reached" in c.why for c in result.conditions.values())
    assert [(s.kind, s.rule) for s in result.suspicions] == [("not taken", "train-before-score")]


@pytest.mark.parametrize("limit", [512, 600, 1024])
def test_script_that_behaves_for_a_tiny_vocabulary_is_caught_in_the_act(limit: int, attack: Attack) -> None:
    """A replay's vocabularies are above 512, and above 1,024 in its wide world; there the softmax is still one."""
    result = attack(edit=fitted_where(f"args.vocab_size > {limit}"))
    assert result.ran and not result.proven
    assert {name for name, c in result.conditions.items() if c.outcome is Outcome.FAIL} == {"C1", "C3", "C4"}
    kinds = {suspicion.kind for suspicion in result.suspicions}
    assert "learnt first" in kinds if limit == 512 else "not taken" not in kinds
