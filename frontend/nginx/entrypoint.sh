#!/bin/sh
# Start of the page's container: tells browser and web server where the backend is, then becomes what it is asked to run.
#
# REACT_APP_BACKEND_SERVER  address of the backend as the shopper's browser reaches it, such as
#                           http://shop.example.com; empty or absent: the page's own origin
#
# Uses nothing but the shell itself, so that it runs on a base image that holds nothing else.
set -eu
LC_ALL=C # ranges of letters mean ASCII

www=${GROCERY_WWW:-/usr/share/grocery}
conf=${GROCERY_NGINX_CONF:-/etc/nginx/grocery}

refuse() {
    printf 'grocery: REACT_APP_BACKEND_SERVER is "%s", which %s\n' "$server" "$1" >&2
    printf 'grocery: set it to http://HOST, https://HOST:PORT or leave it empty for the page'\''s own origin\n' >&2
    exit 64
}

server=${REACT_APP_BACKEND_SERVER:-}
while [ "${server%/}" != "$server" ]; do server=${server%/}; done

# The value goes into JavaScript and into the configuration of nginx. Only characters that mean nothing special in
# either are let through: letters, digits, and  : / . _ ~ % [ ] -
origin=
if [ -n "$server" ]; then
    case $server in
    *[!A-Za-z0-9:/._~%[\]-]*) refuse 'holds characters that an address does not need' ;;
    http://?* | https://?*) ;;
    *) refuse 'does not begin with http:// or https://' ;;
    esac
    rest=${server#*://}
    host=${rest%%/*}
    case $host in
    '' | :*) refuse 'names no host' ;;
    esac
    origin=${server%%://*}://$host
fi

printf 'window.__GROCERY_CONFIG__ = { backendServer: "%s" };\n' "$server" >"$www/config.js"
# shellcheck disable=SC2016 # $backend is for nginx to expand
printf 'set $backend "%s";\n' "$origin" >"$conf/backend.conf"

exec "$@"
