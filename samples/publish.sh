#!/usr/bin/env bash
# Publish one item with openssl and curl alone: ID_AUTH_REST_02 + INTEGRITY_REST_01, RS256, a registered JWK.
#   samples/publish.sh https://hub.example.it messages samples/message.json key.pem KID ISS
# AUDIENCE names the audience where it is not URL/publish/v1.
set -euo pipefail
url=$1 collection=$2 body=$3 key=$4 kid=$5 iss=$6
audience=${AUDIENCE:-$url/publish/v1}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
jws() {
  local signed
  signed="$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "$kid" | base64url).$(printf '%s' "$1" | base64url)"
  printf '%s.%s' "$signed" "$(printf '%s' "$signed" | openssl dgst -sha256 -sign "$key" | base64url)"
}

now=$(date +%s)
digest="SHA-256=$(openssl dgst -sha256 -binary "$body" | openssl base64 -A)" # over the bytes that are sent
claims="\"iss\":\"$iss\",\"aud\":\"$audience\",\"iat\":$now,\"exp\":$((now + 120))"
authorization=$(jws "{$claims,\"jti\":\"$(openssl rand -hex 16)\"}")
headers="[{\"digest\":\"$digest\"},{\"content-type\":\"application/json\"}]"
signature=$(jws "{$claims,\"jti\":\"$(openssl rand -hex 16)\",\"signed_headers\":$headers}")

curl --silent --show-error --data-binary "@$body" "$url/publish/v1/$collection" \
  -H "Authorization: Bearer $authorization" -H "Agid-JWT-Signature: $signature" \
  -H "Digest: $digest" -H "Content-Type: application/json" -w '\n%{http_code}\n'
