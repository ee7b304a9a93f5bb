# shellcheck shell=sh disable=SC2034 # `program` is what packaging/environment.sh speaks as
# Sourced by packaging/build and packaging/test, from the root of the repository: runs packaging/PART/build or
# packaging/PART/test for each given part. Later parts use what earlier parts made.

parts="python onefile packages image fleet monitoring repositories distributor ansible terraform cloudformation trust"

parts_help() {
    cat <<HELP
packaging/$1 [--install-tools] PART... | all

  python          wheel, sdist, and archives of wheels for hosts without a package mirror
  onefile         one file that runs without Python
  packages        deb and rpm around the one file
  image           container image around the one file, and examples for ECS and EKS
  fleet           Systems Manager documents and CloudFormation
  monitoring      alert rules
  repositories    repositories for apt and dnf, with the deb and rpm
  distributor     a package for Systems Manager Distributor, and a component for EC2 Image Builder, of the deb and rpm
  ansible         an Ansible collection
  terraform       a module that makes the endpoints
  cloudformation  a template that makes the endpoints
  trust           checksums, bill of materials and licences for everything that the other parts left in dist/

What is made goes to dist/, what it is made from to build/. Before the first part runs, all programs of the system that
these parts need and that are missing are named; --install-tools installs them instead, from Debian and as root.

Exit codes: 0 all went well, 1 a part failed or is not there, 3 nothing was done: a mistake in the call, or programs are
missing.
HELP
}

# run_parts VERB [--install-tools] PART...: runs each part in turn, even after a failure, and lists the failed parts at
# the end.
run_parts() {
    verb=$1
    shift
    program=packaging/$verb
    install_tools=false
    for word in "$@"; do
        shift
        if [ "$word" = --install-tools ]; then install_tools=true; else set -- "$@" "$word"; fi
    done
    case "${1:-}" in
    '' | help | -h | --help)
        parts_help "$verb"
        [ $# -gt 0 ] || return 3
        return 0
        ;;
    all)
        [ $# -eq 1 ] || { say "'all' cannot be combined with other parts"; return 3; }
        # shellcheck disable=SC2086 # a list of words
        set -- $parts
        ;;
    esac
    for part in "$@"; do
        case " $parts " in
        *" $part "*) ;;
        *) say "there is no part '$part'; the parts are: $parts"; return 3 ;;
        esac
    done
    words=
    for part in "$@"; do words="$words $verb/$part"; done
    # shellcheck disable=SC2086 # a list of words
    need $words
    failed=
    for part in "$@"; do
        if [ ! -x "packaging/$part/$verb" ]; then
            say "$part: not there (packaging/$part/$verb is missing or cannot be executed)"
            failed="$failed $part"
            continue
        fi
        say "$part"
        "packaging/$part/$verb" || { say "$part: failed with exit code $?"; failed="$failed $part"; }
    done
    [ -z "$failed" ] || { say "not done:$failed"; return 1; }
}
