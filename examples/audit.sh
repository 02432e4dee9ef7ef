#!/usr/bin/env bash
# audit.sh CHECKOUT [BASE [REF [FOLDER]]]: review a pull request with nothing but git and Python, in any CI or by hand.
#
# Writes comment.md, audit.json, audit.sarif and codequality.json into FOLDER (default: a new one, which is
# named) and ends with the exit
# code of the review: 0 compliant and in order or nothing to judge, 1 violation or something to mend, 2 cannot be
# audited, 3 review, 4 the auditor failed. The checkout needs its history (no --depth) and the base branch.
# Takes AUDITOR, a clone of the auditor at the commit you trust.
set -euo pipefail

checkout=$(cd -- "$1" && pwd) base=${2:-origin/main} ref=${3:-HEAD} folder=${4:-}
auditor=${AUDITOR:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)}
# Not in the current directory by itself: that is likely to be the checkout, and what stands there is a stranger's.
[ -n "$folder" ] || folder=$(mktemp -d)
mkdir -p "$folder"
folder=$(cd -- "$folder" && pwd)
echo "writing into $folder" >&2

# By hash, wheels only, and with no tool of the checkout: see action/install.sh.
# VENV names one that you made by it before, outside of the checkout.
venv=${VENV:-}
if [ -z "$venv" ]; then
  tools=$(mktemp -d)
  trap 'rm -rf -- "$tools"' EXIT
  venv=$tools/venv
  bash "$auditor/action/install.sh" "$venv"
fi

# No variable of the job, so no token, reaches the process that reads the submission.
cd -- "$folder"
code=0
env -i PATH="$PATH" HOME="$folder" LC_ALL=C.UTF-8 \
  "$venv/bin/python" -I "$auditor/action/run.py" pr --git "$checkout" --base "$base" --ref "$ref" \
  --format markdown -o comment.md --also json=audit.json --also sarif=audit.sarif \
  --also codequality=codequality.json || code=$?
exit "$code"
