#!/bin/bash
# Starts nslcd with a configuration, and runs a command while it is up. nslcd has fixed paths, so it gets its own mounts.
# usage: unshare --mount bash nslcd.sh CONFIGURATION ACCOUNT COMMAND…
set -euo pipefail
configuration=$1 account=$2
shift 2

mount -t tmpfs none /run
mkdir /run/nslcd
chown nslcd:nslcd /run/nslcd
install -m 640 -g nslcd "$configuration" /run/nslcd.conf
cp -r /etc/pam.d /run
printf 'auth required pam_ldap.so\naccount required pam_ldap.so\n' >/run/pam.d/city
mount --bind /run/nslcd.conf /etc/nslcd.conf
mount --bind /run/pam.d /etc/pam.d

nslcd --nofork &
trap 'kill %1; wait' EXIT
for _ in $(seq 200); do
  if getent -s ldap passwd "$account" >/dev/null; then break; fi
  sleep 0.1
done
"$@"
