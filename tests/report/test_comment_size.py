"""A comment under a pull request is never longer than a comment may be, and never ends inside a fold or a fence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.report.pull_request_comment import MAX_COMMENT, fitted

TEXT = st.text(alphabet="ab ü…\n|`", max_size=400)


def test_the_cap_is_what_a_comment_holds() -> None:
    assert MAX_COMMENT == 65_536


@given(st.lists(TEXT.map(lambda text: text + "\n"), min_size=1, max_size=8), st.integers(250, 1_200))
def test_any_comment_fits(blocks: list[str], limit: int) -> None:
    text = fitted(blocks, limit)
    assert len(text.encode()) <= limit
    whole = "".join(blocks)
    assert (text == whole) or "left out or cut" in text
    if len(whole.encode()) <= limit - 200:
        assert text == whole


def test_what_folds_is_left_out_as_a_whole_and_the_answer_stays() -> None:
    answer = "## Review\n\n**The evaluation breaks the rules**\n"
    fold = "<details><summary>Timeline</summary>\n\n```text\n" + "x" * 80_000 + "\n```\n\n</details>\n"
    small = "<details><summary>Runs</summary>\n\n| a |\n\n</details>\n"
    text = fitted([answer, fold, small])
    assert text.startswith(answer) and small in text and "xxx" not in text
    assert text.count("<details>") == text.count("</details>") and text.count("```") % 2 == 0
    assert "1 part left out" in text


def test_a_list_that_is_too_long_is_cut_between_its_lines() -> None:
    lines = [f"- finding number {n} of the entry" for n in range(9_000)]
    text = fitted(["\n".join(lines)])
    assert len(text.encode()) <= MAX_COMMENT
    shown = [line for line in text.split("\n") if line.startswith("- ")]
    assert shown == lines[: len(shown)] and len(shown) > 1_500
