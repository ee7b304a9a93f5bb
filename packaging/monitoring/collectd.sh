#!/bin/sh
# For the exec plugin of collectd, which collectd.conf shows: `collectd.sh SECONDS [OPTION]...` runs backuplink each so
# many seconds, with these options of `backuplink check`, and gives collectd its verdict and its numbers. If the verdict
# changes, collectd gets a notification with the reason.
set -fu
host=${COLLECTD_HOSTNAME:-$(hostname)}
seconds=$1
shift

value() { # value TYPE-INSTANCE NUMBER
    printf 'PUTVAL "%s/backuplink/%s" interval=%s N:%s\n' "$host" "$1" "$seconds" "$2"
}

before=
while :; do
    output=$(
        /usr/bin/backuplink check --format nagios --calls one --ec2 never "$@"
    )
    state=$?
    first=$(printf '%s\n' "$output" | head -n 1)
    numbers=
    case $first in
    *'|'*) numbers=${first#*|} ;;
    esac
    text=${first%%|*}
    case $state in
    0) severity=okay ;;
    1) severity=warning ;;
    2) severity=failure ;;
    3) severity=warning ;; # unknown, which collectd does not have
    *) # there is no verdict: the program is missing, or was killed
        severity=warning
        text="UNKNOWN - backuplink ended with $state"
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
            "$host" "$severity" "$(date +%s)" "$text"
        before=$state
    fi
    sleep "$seconds"
done
