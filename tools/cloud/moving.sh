#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What servers need to move between hosts: ssh, by which Nova copies disks of
# stopped ones, and certificates, by which QEMU guards what runs.

MOVING=$CLOUD/moving
MOVING_SUBJECT="/CN=nova-trusted-launch lab"

# make_moving_keys: one CA and one pair of ssh keys for all hosts, once.
make_moving_keys() {
    [[ ! -e $MOVING/ready ]] || return 0
    mkdir -p "$MOVING"
    chmod 700 "$MOVING"
    rm -f "$MOVING"/*
    ssh-keygen -q -t ed25519 -N "" -C "" -f "$MOVING/ssh_key"
    _certify ca "" basicConstraints=critical,CA:TRUE \
        keyUsage=critical,keyCertSign
    touch "$MOVING/ready"
}

# _certify NAME CA EXTENSION...: a key and a certificate of the CA, or of its
# own.
_certify() {
    local folder=$MOVING name=$1 ca=$2 signer=()
    shift 2
    if [[ $ca ]]; then
        signer=(-CA "$folder/$ca-cert.pem" -CAkey "$folder/$ca-key.pem")
    fi
    printf '%s\n' "[req]" "distinguished_name = name" "[name]" \
        "[extensions]" "$@" > "$folder/$name.conf"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 3650 -subj "$MOVING_SUBJECT $name" "${signer[@]}" \
        -config "$folder/$name.conf" -extensions extensions \
        -keyout "$folder/$name-key.pem" -out "$folder/$name-cert.pem"
}

start_sshd() {
    local host=$1 etc
    etc=$(host_root "$host")/etc
    install -m 600 "$MOVING/ssh_key" "$etc/ssh/key"
    install -m 600 "$MOVING/ssh_key.pub" "$etc/ssh/authorized_keys"
    echo "* $(< "$MOVING/ssh_key.pub")" > "$etc/ssh/known_hosts"
    export HOST_ADDRESS
    HOST_ADDRESS=$(host_address "$host")
    render ssh_config.in "$etc/ssh/ssh_config"
    render sshd_config.in "$etc/ssh/sshd_config"
    launch_in "$host" sshd /usr/sbin/sshd -D -e
    await "sshd@$host" has_said "sshd@$host" "Server listening"
}

# qemu_certificates HOST FOLDER: QEMU is both ends, by turns.
qemu_certificates() {
    local folder=$2 address end
    # By its address, which is another when the cloud's number is.
    address=$(host_address "$1")
    [[ -e $MOVING/$address-cert.pem ]] || _certify "$address" ca \
        basicConstraints=critical,CA:FALSE \
        keyUsage=critical,digitalSignature \
        extendedKeyUsage=serverAuth,clientAuth \
        "subjectAltName=IP:$address"
    mkdir -p "$folder"
    cp "$MOVING/ca-cert.pem" "$folder/"
    for end in server client; do
        install -m 600 "$MOVING/$address-key.pem" "$folder/$end-key.pem"
        cp "$MOVING/$address-cert.pem" "$folder/$end-cert.pem"
    done
}
