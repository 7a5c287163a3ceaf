#!/usr/bin/env bash
# Publish one item with openssl and curl alone: ID_AUTH_REST_02 + INTEGRITY_REST_01, RS256, a registered JWK.
#   samples/publish.sh https://hub.example.it messages samples/message.json key.pem KID ISS
# AUDIENCE names the audience where it is not URL/publish/v1. Tries again where the hub says later, believes no receipt
# that is not signed over this answer and this request; `raccordo conformance --listen` tried it.
set -euo pipefail
url=$1 collection=$2 body=$3 key=$4 kid=$5 iss=$6
audience=${AUDIENCE:-$url/publish/v1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
unbase64url() { local text; text=$(tr '_-' '/+'); printf '%s%.*s' "$text" $((-${#text} & 3)) '===' | openssl base64 -d -A; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
bytes() { printf '%b' "$(sed 's/../\\x&/g')"; }
digest_of() { printf 'SHA-256=%s' "$(openssl dgst -sha256 -binary "$1" | openssl base64 -A)"; } # over the very bytes
jws() {
  local signed
  signed="$(printf '{"alg":"RS256","typ":"JWT","kid":"%s"}' "$kid" | base64url).$(printf '%s' "$1" | base64url)"
  printf '%s.%s' "$signed" "$(printf '%s' "$signed" | openssl dgst -sha256 -sign "$key" | base64url)"
}

digest=$(digest_of "$body")
send() { # signed anew for each attempt: a jti works once
  local now claims headers
  now=$(date +%s)
  claims="\"iss\":\"$iss\",\"aud\":\"$audience\",\"iat\":$now,\"exp\":$((now + 120))"
  headers="[{\"digest\":\"$digest\"},{\"content-type\":\"application/json\"}]"
  curl --silent --show-error --max-time 30 --data-binary "@$body" "$url/publish/v1/$collection" \
    -H "Authorization: Bearer $(jws "{$claims,\"jti\":\"$(openssl rand -hex 16)\"}")" \
    -H "Agid-JWT-Signature: $(jws "{$claims,\"jti\":\"$(openssl rand -hex 16)\",\"signed_headers\":$headers}")" \
    -H "Digest: $digest" -H "Content-Type: application/json" -D "$work/headers" -o "$work/answer" -w '%{http_code}'
}
answered() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: *//Ip" | tail -1; }
member() { grep -o "\"$1\":\"[^\"]*\"" | head -1 | cut -d '"' -f 4; }
seconds_to_wait() { # Retry-After is a number of seconds or a date
  local given seconds
  given=$(answered retry-after)
  if [[ ${given:=1} =~ ^[0-9]+$ ]]; then seconds=$given; else seconds=$(($(date -d "$given" +%s) - $(date +%s) + 1)); fi
  echo $((seconds < 0 ? 0 : seconds > 60 ? 60 : seconds))
}
der_integer() { # of 64 hexadecimal digits: without leading zeros, with one where it would be negative
  local digits
  digits=$(sed 's/^\(00\)*//' <<<"$1")
  [[ ${digits:=00} =~ ^[89a-f] ]] && digits=00$digits
  printf '02%02x%s' $((${#digits} / 2)) "$digits"
}
check_receipt() { # the hub's own key, ES256, over this answer and this request
  local head payload signature jwk raw integers claims
  IFS=. read -r head payload signature <<<"$(answered agid-jwt-signature)"
  [[ $(unbase64url <<<"$head" | tr -d '[:space:]') =~ \"alg\":\"ES256\" ]] || return 1
  jwk=$(curl --silent --fail --max-time 30 "$url/.well-known/jwks.json" | tr -d '[:space:]' | grep -o '{[^{}]*}' |
    grep -F "\"kid\":\"$(unbase64url <<<"$head" | tr -d '[:space:]' | member kid)\"") || return 1
  [[ $(member crv <<<"$jwk") == P-256 ]] || return 1
  printf '3059301306072a8648ce3d020106082a8648ce3d03010703420004%s%s' \
    "$(member x <<<"$jwk" | unbase64url | hex)" "$(member y <<<"$jwk" | unbase64url | hex)" | bytes >"$work/key.der"
  raw=$(unbase64url <<<"$signature" | hex)
  [[ ${#raw} == 128 ]] || return 1
  integers=$(der_integer "${raw:0:64}")$(der_integer "${raw:64}")
  printf '30%02x%s' $((${#integers} / 2)) "$integers" | bytes >"$work/signature"
  printf '%s.%s' "$head" "$payload" |
    openssl dgst -sha256 -verify "$work/key.der" -keyform DER -signature "$work/signature" >/dev/null 2>&1 || return 1
  claims=$(unbase64url <<<"$payload" | tr -d '[:space:]')
  for wanted in "\"iss\":\"$audience\"" "\"aud\":\"$iss\"" "\"request_digest\":\"$digest\"" \
    "{\"digest\":\"$(digest_of "$work/answer")\"}"; do
    [[ $claims == *"$wanted"* ]] || return 1
  done
  (($(sed 's/.*"exp":\([0-9]*\).*/\1/' <<<"$claims") > $(date +%s)))
}

for attempt in 1 2 3; do
  status=$(send)
  [[ ($status == 429 || $status == 503) && $attempt != 3 ]] || break
  sleep "$(seconds_to_wait)"
done
cat "$work/answer"
printf '\n%s\n' "$status"
[[ $status == 200 || $status == 201 ]] || exit 1
check_receipt || { echo "no receipt: it is not signed by the hub over this answer and this request" >&2; exit 1; }
