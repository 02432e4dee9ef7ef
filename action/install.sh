#!/usr/bin/env bash
# install.sh VENV [LOCK]: a virtual environment with what the auditor needs, and nothing else.
#
# Called from a job whose checkout is hostile, so: isolated interpreters (-I: no PYTHON* variables, no current
# directory on the path), none of pip's variables or configuration of a folder, wheels only (an sdist runs code when
# it is built), and every file by its hash. The auditor itself is not installed: audit.sh runs it from this action's
# own files.
set -euo pipefail

venv=$1
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
lock=${2:-$here/requirements.txt}
cd -- "$(dirname -- "$venv")"

index=()  # a runner's own mirror: what it serves is checked like anything else
[ -n "${PIP_INDEX_URL:-}" ] && index=(--index-url "$PIP_INDEX_URL")
for name in $(compgen -e); do
  case $name in PIP_* | PYTHON?*) unset "$name" ;; esac
done

"${PYTHON:-python3}" -I -m venv --clear -- "$venv"
"$venv/bin/python" -I -m pip --isolated --disable-pip-version-check --no-input install --quiet \
  "${index[@]}" --no-deps --only-binary :all: --require-hashes --requirement "$lock"
