# shellcheck shell=sh disable=SC2154 # the caller sets `program` and `venv`
# Sourced by ./dev and by the scripts of packaging/, from the root of the repository: virtual environments with exactly
# what a file of hashed requirements locks. They are made with any Python >= 3.11 of the machine. The caller sets
# `program`, the name under which it speaks, and `venv`, the folder of its environment.

# pip does not compile what it installs: Python does when it first imports a module, and must be free to keep the result.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s: %s\n' "$program" "$*" >&2; }
die() { say "$*"; exit 3; }

# Each Python is tried, since a name on PATH may be a shim for a version that is not installed.
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer; name another, or unset it"
        printf '%s\n' "$PYTHON"
        return
    fi
    before=$IFS
    IFS=:
    for folder in $PATH; do
        for name in python3 python3.14 python3.13 python3.12 python3.11; do
            if [ -x "$folder/$name" ] && new_enough "$folder/$name"; then
                IFS=$before
                printf '%s\n' "$folder/$name"
                return
            fi
        done
    done
    die "needs Python 3.11 or newer and found none on PATH; install it, or name one: PYTHON=/path/to/python3 $0 ..."
}

make_venv() {
    if [ -x "$venv/bin/python" ] && new_enough "$venv/bin/python"; then return; fi
    python=$(find_python) || exit 3
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        die "$python has no venv module; install it (Debian and Ubuntu: apt-get install python3-venv)"
    rm -rf "$venv"
    "$python" -m venv "$venv" ||
        die "could not make the virtual environment $venv with $python; see the lines above"
}

# pip WHAT...: runs pip quietly. If pip fails, the one line that is printed ends with pip's own last line. Modules are
# not compiled: Python compiles a module when it is first used, and most modules never are.
pip() {
    if ! "$venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check "$@" >"$venv/pip.log" 2>&1; then
        die "pip could not install what is needed ($(tail -n 1 "$venv/pip.log")); is there a network, or a package" \
            "mirror that pip is set to? All of pip's words: $venv/pip.log"
    fi
}

# install NAME: installs what packaging/NAME.txt locks, unless exactly that is already installed.
install() {
    list=packaging/$1.txt
    mark=$venv/installed-$1
    if [ -f "$mark" ] && cmp -s "$list" "$mark"; then return; fi
    make_venv
    say "installing what $list locks (once)"
    pip --require-hashes -r "$list"
    cp "$list" "$mark"
}

# Installs the programs that build and test packages into a separate environment, which `venv` names from here on.
with_build() {
    venv=build/environment
    mkdir -p build
    make_venv
    install requirements-build
}

# The date that every built file gets: that of the last commit, unless it is set.
set_source_date() {
    if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) ||
            die "the date of what is built is that of the last commit, and git does not tell it (see above);" \
                "set SOURCE_DATE_EPOCH, in seconds since 1970"
    fi
    export SOURCE_DATE_EPOCH
}

# The commit that is built, in hexadecimal, followed by -dirty if the work tree differs from it. BACKUPLINK_REVISION
# overrides it.
revision() {
    if [ -n "${BACKUPLINK_REVISION:-}" ]; then
        printf '%s\n' "$BACKUPLINK_REVISION"
        return
    fi
    commit=$(git rev-parse --verify HEAD) ||
        die "what is built names the commit that it is built from, and git does not tell it (see above); set" \
            "BACKUPLINK_REVISION"
    printf '%s%s\n' "$commit" "$([ -z "$(git status --porcelain)" ] || echo -dirty)"
}

# The version in this work tree.
version() { sed -n 's/^__version__ = "\(.*\)"$/\1/p' agent/version.py; }

# The first line of every document and template in YAML.
version_line() { printf '# backuplink %s\n' "$(version)"; }

# publish FOLDER FILE...: copies documents and templates into a folder, each with the version line before it.
publish() {
    folder=$1
    shift
    for file in "$@"; do { version_line && cat "$file"; } >"$folder/${file##*/}"; done
}

# The same version in the form for dpkg and rpm, for which 1.2.0~dev1 comes before 1.2.0, but 1.2.0.dev1 after it.
package_version() { version | sed 's/[.]\{0,1\}\(dev\|rc\|a\|b\)/~\1/'; }
