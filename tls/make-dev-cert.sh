#!/bin/sh
# make-dev-cert.sh FOLDER NAME...
# Makes a private CA and a certificate signed by it for the given host names and
# IP addresses (the first is the subject). For development and tests only.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 FOLDER NAME..." >&2
    exit 2
fi
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"

names=
for name in "$@"; do
    case $name in
        *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) kind=IP ;;
        *) kind=DNS ;;
    esac
    names="${names:+$names,}$kind:$name"
done

new_key() {
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"
}

if [ ! -f ca.pem ]; then
    new_key ca-key.pem
    openssl req -new -x509 -key ca-key.pem -out ca.pem -days 825 -sha256 \
        -subj "/CN=Tocsin development CA" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

new_key key.pem
openssl req -new -key key.pem -out request.pem -subj "/CN=$1"
printf '%s\n' \
    "subjectAltName=$names" \
    "basicConstraints=critical,CA:FALSE" \
    "keyUsage=critical,digitalSignature" \
    "extendedKeyUsage=serverAuth" > extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
    -out certificate.pem -days 397 -sha256 -extfile extensions
rm -f request.pem extensions ca.srl
cat ca.pem >> certificate.pem
echo "made $folder/ca.pem, certificate.pem, key.pem for $names"
