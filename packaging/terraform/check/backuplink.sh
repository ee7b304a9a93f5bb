#!/bin/sh
# backuplink.sh PROGRAM [OPTION...]: runs `PROGRAM check` and prints a JSON object for Terraform's data source
# `external`. `status` is ok, warning, critical or unknown, and `text` is one line.
set -u
program=$1
shift

# No variable, file or option may hide the verdict or write it elsewhere.
unset BACKUPLINK_OUTPUT
text=$("$program" check --format=nagios "$@" --fail-on=warning </dev/null)
code=$?
# The first line, without the numbers behind it.
text=$(printf '%s\n' "$text" | sed -e 1q | sed -e 's/|.*//' -e 's/ *$//' -e 's/[\\"]/\\&/g' | tr -d '\000-\037')
# A code counts as a verdict only together with its word: another program, or a damaged one, may end with the same
# codes.
case $code:$text in
0:OK*) status=ok ;;
1:WARNING*) status=warning ;;
2:CRITICAL*) status=critical ;;
3:UNKNOWN*) status=unknown ;;
*)
    status=unknown
    program=$(printf '%s' "$program" | sed -e 's/[\\"]/\\&/g' | tr -d '\000-\037')
    text="$program gave no verdict and ended with $code; the machine that runs Terraform needs backuplink on PATH, or name its path"
    ;;
esac
printf '{"status": "%s", "text": "%s"}\n' "$status" "$text"
