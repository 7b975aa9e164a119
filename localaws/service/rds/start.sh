#!/bin/sh
# Starts PostgreSQL. Makes the data folder first when it is absent: from nothing
# (SEED=empty) or from the instance it replicates (SEED=replica).
set -eu
export HOME=/run/rds # where libraries look for personal files
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

mkdir -p /rds/log /run/rds
chown postgres:postgres /rds /rds/log /run/rds
chmod 700 /rds /rds/log /run/rds
for secret in server.key pgpass; do
	if [ -f "/etc/rds/$secret" ]; then
		install -o postgres -g postgres -m 600 "/etc/rds/$secret" "/run/rds/$secret"
	fi
done

if [ ! -f /rds/data/PG_VERSION ]; then
	rm -rf /rds/new /rds/data
	case $SEED in
	empty)
		as_postgres initdb --no-sync --pgdata=/rds/new --username=rdsadmin --encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth=reject
		as_postgres postgres --single -D /rds/new template1 </etc/rds/seed.sql >/dev/null
		;;
	replica)
		until as_postgres pg_basebackup --dbname="$SOURCE" --slot="$SLOT" --pgdata=/rds/new --wal-method=stream --checkpoint=fast --no-password --no-sync; do
			rm -rf /rds/new
			sleep 1
		done
		as_postgres touch /rds/new/standby.signal
		;;
	esac
	sync -f /rds
	mv /rds/new /rds/data
	sync -f /rds
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D /rds/data -c config_file=/etc/rds/postgresql.conf
