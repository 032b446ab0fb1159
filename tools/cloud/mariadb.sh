#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# MariaDB: one server, one database and one account per component.

DATABASES=(keystone glance placement neutron nova_api nova nova_cell0
    attestation)

start_mariadb() {
    local data=$CLOUD/mariadb
    if [[ ! -e $data/.complete ]]; then
        rm -rf "$data"
        mkdir -p "$data"
        eatmydata mariadb-install-db --no-defaults --user=root --datadir="$data" \
            --auth-root-authentication-method=socket --skip-test-db
        touch "$data/.complete"
    fi
    _mariadb_accounts > "$CLOUD/run/mariadb-accounts.sql"
    # Making a table costs three dozen milliseconds of waiting for the disk
    # otherwise, and there are hundreds.  A killed server loses nothing by
    # this, only a machine that loses power could.
    launch mariadb eatmydata mariadbd --no-defaults --user=root --datadir="$data" \
        --socket="$RUN_DIR/mariadb.sock" --pid-file="$RUN_DIR/mariadbd.pid" \
        --bind-address="$ADDRESS" --port="$MARIADB_PORT" \
        --init-file="$CLOUD/run/mariadb-accounts.sql" \
        --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=128M \
        --max-connections=500 --skip-name-resolve \
        --character-set-server=utf8mb4 --skip-log-bin
    await mariadb port_open "$ADDRESS" "$MARIADB_PORT"
}

_mariadb_accounts() {
    local name
    for name in "${DATABASES[@]}"; do
        cat <<SQL
CREATE DATABASE IF NOT EXISTS $name CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$name'@'%' IDENTIFIED BY '$DATABASE_PASSWORD';
GRANT ALL ON $name.* TO '$name'@'%';
SQL
    done
    # Nova's own tools reach all of its databases with one account.
    echo "GRANT ALL ON nova_cell0.* TO 'nova'@'%';"
    echo "FLUSH PRIVILEGES;"
}
