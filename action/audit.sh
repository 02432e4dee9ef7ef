#!/usr/bin/env bash
# audit.sh PYTHON: audit the commit REF of CHECKOUT against BASE, report it to the job, and end the job.
#
# Takes: CHECKOUT BASE REF POLICY FAIL_ON SARIF, and the runner's RUNNER_TEMP GITHUB_OUTPUT GITHUB_STEP_SUMMARY.
# Ends with 0 where the job may pass. It may not where a verdict says so (FAIL_ON), nor where there is none: an
# unknown base, a shallow checkout, a path that is no text, an entry that could not be read, a crash. That nothing
# changed under records/ is an answer, and passes.
set -euo pipefail

python=$1
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
checkout=$(realpath -- "$CHECKOUT")
FAIL_ON=${FAIL_ON:-violation}
case $FAIL_ON in violation | review | never) ;; *)
  echo "::error::fail-on is violation, review or never"
  exit 2 ;;
esac

work=$(mktemp -d -- "$RUNNER_TEMP/audit.XXXXXX")
cd -- "$work"  # nothing is looked up in the checkout

# No variable of the job reaches the process that reads the submission: no token, no PYTHON*, no GIT_*.
alone() {
  env -i PATH="$PATH" HOME="$work" TMPDIR="$work" LC_ALL=C.UTF-8 "$python" -I "$@"
}

# What is printed between these two lines may be text of strangers: the runner must see no commands in it.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
code=0
alone "$here/run.py" audit --git "$checkout" --ref "$REF" --base "$BASE" --policy "$POLICY" \
  --format markdown -o audit.md --also json=audit.json --also sarif=audit.sarif 2>&1 || code=$?
echo
echo "::$token::"

echo "exit-code=$code" >> "$GITHUB_OUTPUT"
if [ -f audit.md ]; then
  cat audit.md >> "$GITHUB_STEP_SUMMARY"
fi
if [ -n "${SARIF:-}" ] && [ -f audit.sarif ]; then
  target=$(cd -- "$checkout" && realpath -ms -- "$SARIF")
  if [ "$(realpath -m -- "$target")" != "$target" ]; then
    echo "::error::where SARIF is to be written, the checkout has a link that leads elsewhere"
    exit 2
  fi
  cp -- audit.sarif "$target"
fi

unjudged() {
  alone -c 'import json; r = json.load(open("audit.json")); raise SystemExit(all(s["judged"] for s in r.get("submissions", [r])))'
}
case $FAIL_ON:$code in
  *:0 | never:1 | never:3) exit 0 ;;
  violation:3) unjudged || exit 0 ;;
esac
case $code in
  1) echo "::error::the submission breaks the rules; see the summary" ;;
  3) echo "::error::the submission needs a person's judgement; see the summary" ;;
  *) echo "::error::the pull request could not be audited (exit code $code); see the log above" ;;
esac
exit "$code"
