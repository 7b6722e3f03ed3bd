#!/bin/sh
# Installs the named Debian packages that are missing, where that is possible without a password; never fails.
missing=""
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Not Debian: install yourself, or the tests that need them are skipped:$missing"; exit 0
fi
if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else
  echo "No right to install; the tests that need them are skipped:$missing (sudo apt-get install$missing)"; exit 0
fi
echo "Installing for the tests:$missing"
$as apt-get update -qq >/dev/null 2>&1
# No service is started: the tests start their own servers, on ports of their own.
printf '#!/bin/sh\nexit 101\n' > /tmp/policy-rc.d.$$ && chmod +x /tmp/policy-rc.d.$$
[ -e /usr/sbin/policy-rc.d ] || { $as cp /tmp/policy-rc.d.$$ /usr/sbin/policy-rc.d; ours=yes; }
# shellcheck disable=SC2086  # the names are meant as several words
DEBIAN_FRONTEND=noninteractive $as apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 \
  || echo "apt-get could not install:$missing; the tests that need them are skipped"
[ "$ours" = yes ] && $as rm -f /usr/sbin/policy-rc.d
rm -f /tmp/policy-rc.d.$$
exit 0
