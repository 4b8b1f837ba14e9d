#!/bin/sh
# Brings a file of PostgreSQL's log ($1, called $2) into the archive: whole, on the disk, and never over another one.
set -eu
to=$(dirname "$0")/wal/$2.gz
if [ -e "$to" ]; then
    # Any other server may have brought it, or this one, before it could say so. The torn end of a timeline may differ
    # from server to server, and nobody ever asks for it.
    case $2 in *.partial) exit 0 ;; esac
    gunzip -c "$to" | cmp -s - "$1" || exit 1
    exit 0
fi
draft=$to.$$.draft
trap 'rm -f "$draft"' EXIT
gzip -1 -n -c "$1" > "$draft"
sync "$draft"
# Unlike a move, a link cannot replace what another server has put there in this moment.
ln "$draft" "$to" 2> /dev/null || gunzip -c "$to" | cmp -s - "$1"
sync "$(dirname "$to")"
