#!/bin/sh
# Starts backuplink with the Python beside this file, wherever that is, also through a symbolic link. That Python listens
# to no PYTHON… variable (-I), looks into no folder of the host's (-S) and writes nothing (-B).
case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
# Not by the caller's PATH alone: a folder that stands in it for convenience must not say what is started.
[ ! -L "$self" ] || self=$(PATH=/usr/bin:/bin${PATH:+:$PATH} readlink -f -- "$self")
folder=${self%/*}
exec "$folder/python" -I -S -B "$folder/../app" "$@"
