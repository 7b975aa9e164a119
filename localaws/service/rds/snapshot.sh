#!/bin/sh
# Copies a database into the volume at /snapshot (WORK=take), or a snapshot
# into the empty volume of a new instance at /rds (WORK=restore).
set -eu
export HOME=/run/rds # where libraries look for personal files
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

case $WORK in
take)
	[ ! -f /snapshot/data/PG_VERSION ] || exit 0
	rm -rf /snapshot/new
	mkdir -p /run/rds
	install -o postgres -g postgres -m 600 /etc/rds/pgpass /run/rds/pgpass
	chown postgres:postgres /snapshot /run/rds
	tries=0
	until as_postgres pg_basebackup --dbname="$SOURCE" --pgdata=/snapshot/new --wal-method=stream --checkpoint=fast --no-password; do
		rm -rf /snapshot/new
		tries=$((tries + 1))
		[ "$tries" -lt 60 ] || exit 1
		sleep 1
	done
	mv /snapshot/new /snapshot/data
	sync -f /snapshot
	;;
restore)
	[ ! -f /rds/data/PG_VERSION ] || exit 0
	rm -rf /rds/new
	chown postgres:postgres /rds
	as_postgres cp -a /snapshot/data /rds/new
	sync -f /rds
	mv /rds/new /rds/data
	sync -f /rds
	;;
esac
