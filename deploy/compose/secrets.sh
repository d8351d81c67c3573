#!/bin/sh
# Makes the passwords of the Compose stack, at random, in secrets/ beside this file. What is there already stays.
#
# Compose mounts secrets as they are, with the owner and the mode that they have here, and each container has another user.
# So the files are readable by all, and the folder by nobody but you.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$here/secrets}

umask 077
mkdir -p "$folder"
chmod 700 "$folder"

# give NAME: its text is standard input. No container ever sees half a file.
give() {
    cat > "$folder/.new"
    mv -f "$folder/.new" "$folder/$1"
}

# 32 characters of 64 kinds, none of which means anything in an address, an ACL or SQL.
for name in postgres_superuser_password postgres_password shop_password redis_password pgbouncer_password \
    grafana_admin_password; do
    [ -s "$folder/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | give "$name"
done

# sha256 NAME: of the password, without the end of line that an editor puts behind it.
sha256() {
    tr -d '\n' < "$folder/$1" | if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

sed -e "s/EXPORTER_SHA256/$(sha256 redis_password)/" \
    -e "s/SHOP_SHA256/$(sha256 shop_password)/" "$here/redis/users.acl" | give redis_users.acl

printf '"%s" "%s"\n' exporter "$(cat "$folder/pgbouncer_password")" shop "$(cat "$folder/shop_password")" \
    | give pgbouncer_users.txt

# Those that you have put there as well.
chmod 644 "$folder"/*

echo "The passwords are in $folder. Grafana: user admin, password in grafana_admin_password."
