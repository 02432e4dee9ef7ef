#!/usr/bin/env bash
# audit.sh PYTHON: review the commit REF of CHECKOUT against BASE in one pass, report it to the job, and end the job.
#
# Takes: CHECKOUT BASE REF POLICY FAIL_ON SARIF NUMBER, and the runner's RUNNER_TEMP GITHUB_OUTPUT GITHUB_STEP_SUMMARY.
# Ends with 0 where the job may pass. It may not where a verdict says so (FAIL_ON), nor where there is none: an
# unknown base, a shallow checkout, a path that is no text, an entry that could not be read, a crash. That nothing
# changed under records/ is an answer, and passes.
set -euo pipefail

python=$1
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
checkout=$(realpath -- "$CHECKOUT")
FAIL_ON=${FAIL_ON:-violation}
case $FAIL_ON in violation | problems | review | never) ;; *)
  echo "::error::fail-on is violation, problems, review or never"
  exit 2 ;;
esac

work=$(mktemp -d -- "$RUNNER_TEMP/audit.XXXXXX")
report=$work/report  # what may be uploaded: each file is the same review in another format
mkdir -- "$report"
cd -- "$work"  # nothing is looked up in the checkout
echo "report=$report" >> "$GITHUB_OUTPUT"

# No variable of the job reaches the process that reads the submission: no token, no PYTHON*, no GIT_*.
alone() {
  env -i PATH="$PATH" HOME="$work" TMPDIR="$work" LC_ALL=C.UTF-8 "$python" -I "$@"
}

# What is printed between these two lines may be text of strangers: the runner must see no commands in it.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
code=0
alone "$here/run.py" pr --git "$checkout" --ref "$REF" --base "$BASE" --policy "$POLICY" \
  --format markdown -o "$report/comment.md" --also json="$report/audit.json" \
  --also sarif="$report/audit.sarif" --also annotations=annotations.txt 2>&1 || code=$?
echo
echo "::$token::"

answer="$code the pull request could not be audited (exit code $code); see the log above"
case $code in
  0 | 1 | 3)  # a verdict, and a file for each format
    alone "$here/gate.py" "$report/audit.json" "$FAIL_ON" > gate.txt
    answer=$(tail -n 1 gate.txt)
    head -n -1 gate.txt >> "$GITHUB_OUTPUT"
    cat annotations.txt ;;
  *)  # a comment of an earlier commit must not stand as if it were of this one
    echo "exit-code=$code" >> "$GITHUB_OUTPUT"
    printf '## Compliance review\n\n**It could not be audited (exit code %s).** The log of the check says why.\n' \
      "$code" > "$report/comment.md" ;;
esac
cat "$report/comment.md" >> "$GITHUB_STEP_SUMMARY"
printf '%s\n' "${NUMBER:-}" > "$report/number.txt"
if [ -n "${SARIF:-}" ] && [ -f "$report/audit.sarif" ]; then
  target=$(cd -- "$checkout" && realpath -ms -- "$SARIF")
  if [ "$(realpath -m -- "$target")" != "$target" ]; then
    echo "::error::where SARIF is to be written, the checkout has a link that leads elsewhere"
    exit 2
  fi
  cp -- "$report/audit.sarif" "$target"
fi

[ "$answer" = 0 ] && exit 0
echo "::error::${answer#* }"
exit "${answer%% *}"
