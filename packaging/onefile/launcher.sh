#!/bin/sh
# Starts backuplink with the Python beside this file, wherever this file is, even through a symbolic link. This Python
# ignores PYTHON… variables (-I), uses no folder of the host (-S) and writes no files (-B).
case $0 in */*) self=$0 ;; *) self=./$0 ;; esac
# The caller's PATH is not trusted: a folder in it must not decide which program is started.
[ ! -L "$self" ] || self=$(PATH=/usr/bin:/bin${PATH:+:$PATH} readlink -f -- "$self")
folder=${self%/*}
exec "$folder/python" -I -S -B "$folder/../app" "$@"
