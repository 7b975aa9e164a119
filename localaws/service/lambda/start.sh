#!/bin/sh
# Waits for the sandbox's interfaces, then becomes the function.
set -eu
for device in $SANDBOX_DEVICES; do
	until grep -q "^$device" /proc/net/route; do sleep 0.02; done
done
if [ -f /etc/lambda/ca.pem ]; then
	cat /etc/lambda/ca.pem >>/etc/ssl/certs/ca-certificates.crt
fi
unset SANDBOX_DEVICES
cd /var/task
exec setpriv --reuid=993 --regid=990 --clear-groups --no-new-privs --bounding-set=-all /var/task/bootstrap
