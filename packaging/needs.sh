# shellcheck shell=sh disable=SC2154 # the caller sets `program`
# Sourced after packaging/environment.sh, from the root of the repository: compares this machine with packaging/needs.txt.
# A caller that has the option --install-tools sets `install_tools` to true or false.

# is_here WHAT: whether the machine has the program or module in a row of needs.txt.
is_here() {
    case $1 in
    'python>='*) python=$(find_python) && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
    perl:*) perl "-M${1#perl:}" -e 1 >/dev/null 2>&1 ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# is_wanted USERS MACHINE WORD...: whether one of the words, each VERB/PART, is among the users of a row.
is_wanted() {
    users=$1
    machine=$2
    shift 2
    for word in "$@"; do
        case " $users " in *" $word "* | *" $word@$machine "*) return 0 ;; esac
    done
    return 1
}

# missing COLUMN WORD...: prints this column, 1 or 2, of the rows for these words whose program is missing; each entry
# once.
missing() (
    column=$1
    machine=$(uname -m)
    shift
    told=' '
    while read -r what package users; do
        case $what in '' | '#'*) continue ;; esac
        if ! is_wanted "$users" "$machine" "$@" || is_here "$what" </dev/null; then continue; fi
        entry=$what
        [ "$column" = 1 ] || entry=$package
        case $told in *" $entry "*) ;; *) told="$told$entry " ;; esac
    done <packaging/needs.txt
    told=${told% }
    printf '%s' "${told# }"
)

# need WORD...: exits if a program that these words need is missing, unless it can be installed.
need() {
    packages=$(missing 2 "$@")
    [ -n "$packages" ] || return 0
    if "${install_tools:-false}"; then
        install_packages "$packages"
        [ -z "$(missing 2 "$@")" ] || die "apt-get installed $packages, but this is still missing: $(missing 1 "$@")"
        return 0
    fi
    die "tools are missing: $(missing 1 "$@"); as root: apt-get install $packages${install_tools:+, or --install-tools}"
}

# install_packages PACKAGES: installs packages of Debian in one call.
install_packages() {
    command -v apt-get >/dev/null || die "--install-tools needs apt-get, which is not here; install yourself: $1"
    [ "$(id -u)" = 0 ] || die "--install-tools must be root; as root: apt-get install $1"
    say "installing $1"
    apt-get update -qq >&2 || die "apt-get cannot update its lists; see the lines above"
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >&2 ||
        die "apt-get cannot install $1; see the lines above"
}
