#!/bin/sh
# For the exec plugin of collectd, which collectd.conf shows: `collectd.sh SECONDS [OPTION]...` runs backuplink every
# SECONDS seconds, with these options of `backuplink check`, and gives collectd its verdict and its numbers. At the first
# run and when the verdict changes, collectd also gets a notification with the reason. It ends with collectd.
set -fu
host=${COLLECTD_HOSTNAME:-$(hostname)}
seconds=${1:-}
case $seconds in # a number that collectd.conf has without quotes arrives as 300.000000
'' | *[!0-9.]* | *.*.* | [!1-9]*)
    echo "collectd.sh: the first argument is the seconds between two runs, such as 300, not '$seconds'" >&2
    exit 3
    ;;
esac
shift

# value TYPE-INSTANCE NUMBER. collectd ignores SIGPIPE, and so do the programs that it starts: only a failed write shows
# that collectd has ended.
value() {
    printf 'PUTVAL "%s/backuplink/%s" interval=%s N:%s\n' "$host" "$1" "$seconds" "$2" || exit 1
}

before=
while :; do
    output=$(
        # The exit code is that of the verdict, even if a configuration changes `fail-on`.
        /usr/bin/backuplink check --format nagios --calls one --ec2 never "$@" --fail-on warning
    )
    code=$?
    first=$(printf '%s\n' "$output" | head -n 1)
    numbers=
    case $first in
    *'|'*) numbers=${first#*|} ;;
    esac
    text=${first%%|*}
    state=$code
    # A code counts as a verdict only together with its word: Python also ends with 1 if an installation is damaged.
    case $code:$text in
    0:OK*) severity=okay ;;
    1:WARNING*) severity=warning ;;
    2:CRITICAL*) severity=failure ;;
    3:UNKNOWN*) severity=warning ;; # collectd has no severity unknown
    *)
        severity=warning
        text="UNKNOWN - backuplink gave no verdict and ended with $code"
        numbers=
        state=3
        ;;
    esac

    value gauge-state "$state"
    for number in $numbers; do # time=3.001s;20;;0;20
        label=${number%%=*}
        number=${number#*=}
        number=${number%%;*}
        case $number in
        *s) value "duration-$label" "${number%s}" ;;
        *) value "gauge-$label" "$number" ;;
        esac
    done
    if [ "$state" != "$before" ]; then
        # collectd keeps 255 characters.
        text=$(printf '%s\n' "$text" | cut -c 1-250 | sed 's/[\\"]/\\&/g')
        printf 'PUTNOTIF host="%s" plugin=backuplink type=gauge type_instance=state severity=%s time=%s message="%s"\n' \
            "$host" "$severity" "$(date +%s)" "$text" || exit 1
        before=$state
    fi
    sleep "$seconds" || exit 1
done
