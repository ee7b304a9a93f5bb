#!/bin/sh
# backuplink.sh PROGRAM [OPTION...]: runs `PROGRAM check` and gives what Terraform's data source `external` reads, one
# JSON object of texts: `status`, which is ok, warning, critical or unknown, and `text`, one line.
set -u
program=$1
shift

text=$("$program" check --format=nagios "$@" </dev/null)
case $? in
0) status=ok ;;
1) status=warning ;;
2) status=critical ;;
3) status=unknown ;;
*)
    status=unknown
    text="backuplink could not be run as $program; the machine that runs Terraform needs it on PATH, or name its path"
    ;;
esac
# The first line, without the numbers behind it.
text=$(printf '%s\n' "$text" | sed -e 1q | sed -e 's/|.*//' -e 's/ *$//' -e 's/[\\"]/\\&/g' | tr -d '\000-\037')
printf '{"status": "%s", "text": "%s"}\n' "$status" "$text"
