#!/bin/sh
# Gets a file of PostgreSQL's log, called $1, from the archive to $2; or from what the lost primary had not brought there.
set -eu
from=$(dirname "$0")/wal/$1.gz
lost=$(dirname "$0")/lost/pg_wal/$1
if [ -e "$from" ]; then
    # 1 would say that the log ends here. A file that cannot be read is something else: nobody may go on without it.
    gunzip -c "$from" > "$2" || exit 200
elif [ -e "$lost" ]; then
    cp "$lost" "$2" || exit 200
else
    exit 1
fi
