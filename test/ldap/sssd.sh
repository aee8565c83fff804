#!/bin/bash
# Starts SSSD with a configuration, and runs a command while it is up. SSSD has fixed paths, so it gets its own mounts.
# usage: unshare --mount bash sssd.sh CONFIGURATION ACCOUNT COMMAND…
set -euo pipefail
configuration=$1 account=$2
shift 2

for folder in /var/lib/sss /etc/sssd /run /var/log; do mount -t tmpfs none "$folder"; done
mkdir -p /var/lib/sss/{db,mc,pipes/private,pubconf,gpo_cache} /var/log/sssd /etc/sssd/conf.d /run/sssd
install -m 600 "$configuration" /etc/sssd/sssd.conf
cp -r /etc/pam.d /run
printf 'auth required pam_sss.so\naccount required pam_sss.so\n' >/run/pam.d/city
mount --bind /run/pam.d /etc/pam.d

sssd --interactive --logger=stderr &
trap 'kill %1; wait' EXIT
for _ in $(seq 200); do
  if getent -s sss passwd "$account" >/dev/null; then break; fi
  sleep 0.1
done
"$@"
