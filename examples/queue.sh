#!/usr/bin/env bash
# queue.sh KEPT SITE: audit every pull request of the challenge into a site; for cron, say once a night.
#
# KEPT holds the mirror, the rows and the answers of the last time: what has the same content is not audited again.
# SITE/changes.jsonl has a line for each answer that is new, another or gone.
# Takes AUDITOR, a clone of the auditor at the commit you trust; REPOSITORY and JOBS if they are to be others.
set -euo pipefail

kept=$1 site=$2
auditor=${AUDITOR:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)}
repository=${REPOSITORY:-https://github.com/openai/parameter-golf}
mkdir -p "$kept" "$site"

if [ ! -x "$kept/venv/bin/auditor" ]; then
  python3 -m venv "$kept/venv"
fi
"$kept/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$auditor[html]"

if [ ! -d "$kept/mirror" ]; then
  git init --quiet --bare "$kept/mirror"
fi
git -C "$kept/mirror" fetch --quiet --no-tags "$repository" \
  '+refs/heads/main:refs/heads/main' '+refs/pull/*/head:refs/pull/*/head'

# The exit code is the worst of all pull requests: 1 and 3 are answers. 2 and 4 are not.
code=0
"$kept/venv/bin/auditor" corpus --git "$kept/mirror" --all --resume \
  --cache "$kept/answers" --feed "$kept/changes.jsonl" -o "$kept/rows.jsonl" --html "$site" ${JOBS:+--jobs "$JOBS"} || code=$?
case $code in 0 | 1 | 3) ;; *) exit "$code" ;; esac
cp -- "$kept/rows.jsonl" "$kept/changes.jsonl" "$site/"
