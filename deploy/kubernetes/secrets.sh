#!/bin/sh
# Makes the files of the Secrets, at random, in secrets/files and example/secrets/files. What is there already stays.
#
#   sh deploy/kubernetes/secrets.sh
#   kubectl apply -k deploy/kubernetes/secrets
#
# Passwords of databases are new ones: set them there, or put those that are set already into the files. Alertmanager's
# are empty until you fill them in (alertmanager/README.md); it starts all the same, and counts what it could not send.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
compose=$here/../compose/secrets.sh
folder=$here/secrets/files
umask 077

sh "$compose" "$folder" > /dev/null
sh "$compose" "$here/example/secrets/files" > /dev/null

for name in grafana_secret_key basic_auth_password; do
    [ -s "$folder/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "$folder/$name"
done
# As htpasswd writes it; nginx takes every hash that crypt(3) knows.
[ -s "$folder/basic_auth" ] \
    || printf 'admin:%s\n' "$(openssl passwd -6 -stdin < "$folder/basic_auth_password")" > "$folder/basic_auth"

for name in slack_critical_url slack_warning_url slack_info_url slack_business_url pagerduty_routing_key \
    smtp_password deadman_token; do
    [ -e "$folder/$name" ] || : > "$folder/$name"
done

echo "The secrets are in $folder. Grafana: user admin, password in grafana_admin_password."
echo "Prometheus and Alertmanager behind the ingress: user admin, password in basic_auth_password."
