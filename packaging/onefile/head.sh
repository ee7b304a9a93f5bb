#!/bin/sh
# backuplink @VERSION@ for Linux on @ARCH@, in one file that needs no Python: this script and, after its last line, a tar
# archive under gzip.
#
# The first start unpacks it into a directory named after its content and says where; later starts use that. It is made
# in $BACKUPLINK_HOME, or, where that is not set, in the first of these places that is writable, lets programs run and
# can be changed by nobody else:
#
#   $XDG_CACHE_HOME/backuplink, or ~/.cache/backuplink
#   /var/lib/backuplink (as root)
#   backuplink-UID in $TMPDIR, /tmp, /var/tmp, $XDG_RUNTIME_DIR, /dev/shm
#
#   sh THIS-FILE --unpacked-to     prints the directory, and unpacks where that is yet to be done
#
# Deleting it, and backuplink or backuplink-UID above it, removes all that was written.

unset CDPATH
IFS=' 	
'
own_path=${PATH-}
PATH=/usr/bin:/bin:/usr/sbin:/sbin${PATH:+:$PATH}
name=backuplink-@VERSION@-@ARCH@-@KEY@
mask=$(umask)
user=$(id -u)
temporary=
made=

say() { printf 'backuplink: %s\n' "$*" >&2; }
die() { say "$*"; exit 3; }

# guarded DIRECTORY: whether only root and this user can change or replace it. Every directory above it counts: whoever
# may write to one may rename what is below it, unless the sticky bit forbids it.
guarded() {
    rest=${1#/} path=
    set -- /
    while [ -n "$rest" ]; do
        path=$path/${rest%%/*}
        set -- "$@" "$path"
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    done
    ls -ldn -- "$@" 2>/dev/null | while read -r mode links owner group more; do
        case $owner in 0 | "$user") ;; *) exit 1 ;; esac
        case $mode in
        d????????[tT]*) ;;
        d???????w*) exit 1 ;;
        d????w????+*) exit 1 ;; # an access list: who may write is not visible here
        d????w*) case $group in 0 | "$user") ;; *) exit 1 ;; esac ;; # by custom, this group has only the one user
        d*) ;;
        *) exit 1 ;;
        esac
    done
}

# whole DIRECTORY: whether it belongs to this user and is complete. Files are counted, since a clean-up of old files, as
# in /tmp, removes single files.
whole() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] && guarded "$1" && [ "$(find "$1" -type f | wc -l)" -eq @FILES@ ]
}

# first DO: call DO with each place, and the directory that must exist for it, until DO accepts one.
first() {
    if [ -n "${BACKUPLINK_HOME-}" ]; then "$1" "$BACKUPLINK_HOME" /; return; fi
    if [ -n "${XDG_CACHE_HOME-}" ]; then
        "$1" "$XDG_CACHE_HOME/backuplink" / && return
    elif [ -n "${HOME-}" ]; then
        "$1" "$HOME/.cache/backuplink" "$HOME" && return
    fi
    if [ "$user" -eq 0 ]; then "$1" /var/lib/backuplink /var/lib && return; fi
    for folder in "${TMPDIR-}" /tmp /var/tmp "${XDG_RUNTIME_DIR-}" /dev/shm; do
        if [ -n "$folder" ]; then "$1" "$folder/backuplink-$user" "$folder" && return; fi
    done
    return 1
}

physical() { [ ! -L "$1" ] && cd -P -- "$1" 2>/dev/null && pwd -P; }

find_there() {
    place=$(physical "$1") || return
    directory=${place%/}/$name
    whole "$directory"
}

discard() {
    if [ -n "$temporary" ]; then rm -rf -- "$temporary" "$temporary.old"; fi
    if [ -n "$made" ]; then rmdir -- "$made" 2>/dev/null; fi # fails if another start uses it
    temporary= made=
}

# refuse PLACE WHY: say why the place cannot be used, and leave nothing in it.
refuse() {
    say "not in $1: $2"
    discard
    return 1
}

unpack_there() {
    [ -d "$2" ] || { refuse "$1" "there is no directory $2"; return; }
    [ ! -L "$1" ] || { refuse "$1" "it is a symbolic link"; return; }
    [ -e "$1" ] || made=$1
    error=$(mkdir -p -- "$1" 2>&1) || { refuse "$1" "${error##*: }"; return; }
    place=$(physical "$1") || { refuse "$1" "it cannot be entered"; return; }
    guarded "$place" || { refuse "$1" "it, or a directory above it, can be changed by others"; return; }
    directory=${place%/}/$name
    if [ -e "$directory" ] || [ -L "$directory" ]; then
        if [ -L "$directory" ] || [ ! -O "$directory" ] || ! guarded "$directory"; then
            refuse "$1" "$name is there, and can be changed by others"
            return
        fi
        say "$directory is not whole any more and is made anew"
    fi
    # Remove what a start left that was killed while it unpacked. Unpacking takes only seconds.
    find "${place%/}" -maxdepth 1 -name ".backuplink-*" -mmin +60 -user "$user" -exec rm -rf -- {} + 2>/dev/null
    temporary=$(mktemp -d "${place%/}/.$name.XXXXXX" 2>/dev/null) || { refuse "$1" "it is not writable"; return; }
    printf '#!/bin/sh\n' >"$temporary/try" 2>/dev/null || { refuse "$1" "it cannot be written to"; return; }
    chmod 700 "$temporary/try"
    "$temporary/try" 2>/dev/null || { refuse "$1" "no program may be started there (mounted noexec?)"; return; }
    rm -- "$temporary/try"
    if ! error=$({ tail -c +@OFFSET@ -- "$self" | gzip -dc | tar -x -f - -C "$temporary"; } 2>&1) || ! whole "$temporary"
    then
        # On a full disk GNU tar first tells how much it wrote, and then the reason.
        refuse "$1" "it cannot be unpacked: $(printf '%s\n' "$error" | grep -v 'Wrote only' | head -n 1)"
        return
    fi
    # The directory gets its name only after its Python has started. Several starts may do this at once: one of them
    # sets the name.
    if [ -e "$directory" ] && ! whole "$directory"; then mv -- "$directory" "$temporary.old"; fi
    if ! error=$("$temporary/bin/python" -I -S -B -c "$finish" "$temporary" "$directory" "$self" 2>&1) &&
        ! whole "$directory"; then
        [ "$error" != damaged ] || { discard; damaged; }
        refuse "$1" "its Python does not start: $(printf '%s\n' "$error" | tail -n 1)"
        return
    fi
    discard
    # A place that the caller chose is kept; a place that this script chose may be deleted as a whole.
    if [ "$1" = "${BACKUPLINK_HOME-}" ]; then place=$directory; fi
    say "unpacked to $directory (once, later starts use it; deleting $place removes all that was written)"
}
# Check the sum with the unpacked Python, which every host has by now.
finish='
import hashlib, os, sys
with open(sys.argv[3], "rb") as file:
    file.seek(@OFFSET@ - 1)
    if hashlib.file_digest(file, "sha256").hexdigest() != "@SUM@":
        sys.exit("damaged")
os.rename(*sys.argv[1:3])
'

damaged() { die "$self is damaged: its content does not have the SHA-256 sum that its head names; copy it again"; }

# check_sum: refuse a damaged file before anything is unpacked, by the first program that can compute the sum, else by
# the checksum of gzip, which finds most damage.
check_sum() {
    for program in sha256sum "shasum -a 256" "openssl dgst -sha256 -r" "busybox sha256sum"; do
        command -v "${program%% *}" >/dev/null || continue
        sum=$(tail -c +@OFFSET@ -- "$self" | $program 2>/dev/null)
        sum=${sum%% *}
        [ "$sum" != @SUM@ ] || return 0
        [ "${#sum}" -ne 64 ] || damaged # else this program cannot compute it
    done
    tail -c +@OFFSET@ -- "$self" | gzip -t 2>/dev/null || damaged
}

unpack() {
    check_sum
    for number in HUP INT TERM; do
        trap "discard; trap - $number; kill -s $number \$\$" "$number"
    done
    umask 077
    first unpack_there ||
        die "found no place to unpack; name a directory of your own: BACKUPLINK_HOME=/path (writable, not mounted noexec)"
    umask "$mask"
    trap - HUP INT TERM
}

case $(uname -m) in
@MACHINES@) ;;
*) die "this file is for @ARCH@, and this machine is $(uname -m); take the file for it" ;;
esac
[ -e @LOADER@ ] || die "needs the GNU C library 2.17 or newer, whose @LOADER@ is not here (a musl system?)"

if ! first find_there; then
    case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
    [ -f "$self" ] && [ -r "$self" ] || die "cannot read itself as $0; start it by its path"
    for tool in tail gzip tar mktemp; do
        command -v "$tool" >/dev/null || die "needs $tool to unpack itself; install it"
    done
    unpack
fi
if [ "$#" -eq 1 ] && [ "$1" = --unpacked-to ]; then
    printf '%s\n' "$directory"
    exit 0
fi
PATH=$own_path
exec "$directory/bin/backuplink" "$@"
