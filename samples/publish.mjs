// Publish one item with nothing but Node's own node:crypto and fetch: ES256 and a registered JWK.
//   node samples/publish.mjs https://hub.example.it messages samples/message.json key.pem KID ISS
// AUDIENCE names the audience where it is not URL/publish/v1. Tries again where the hub says later, believes no receipt
// that is not signed over this answer and this request.
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url, collection, bodyPath, keyPath, kid, iss] = process.argv.slice(2);
const audience = process.env.AUDIENCE ?? `${url}/publish/v1`;
const body = readFileSync(bodyPath); // bytes: what is hashed is what is sent
const key = createPrivateKey(readFileSync(keyPath));

const segment = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const digestOf = (bytes) => "SHA-256=" + createHash("sha256").update(bytes).digest("base64");
const raw = (material) => ({ key: material, dsaEncoding: "ieee-p1363" }); // JOSE wants r and s, not DER

function jws(claims) {
  const signed = `${segment({ alg: "ES256", typ: "JWT", kid })}.${segment(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), raw(key)).toString("base64url")}`;
}

// Made anew for each attempt: a jti works once.
function headers() {
  const now = Math.floor(Date.now() / 1000);
  const digest = digestOf(body);
  const claims = { iss, aud: audience, iat: now, exp: now + 120 };
  const signed_headers = [{ digest }, { "content-type": "application/json" }];
  return {
    Authorization: `Bearer ${jws({ ...claims, jti: randomUUID() })}`,
    "Agid-JWT-Signature": jws({ ...claims, jti: randomUUID(), signed_headers }),
    Digest: digest,
    "Content-Type": "application/json",
  };
}

// Retry-After is a number of seconds or a date.
function millisecondsToWait(retryAfter) {
  const given = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Math.min(Math.max(given, 0), 60_000);
}

// Why the receipt does not hold; empty where the hub signed this answer to this request.
async function receiptFault(answer, content) {
  const [header, payload, signature] = (answer.headers.get("agid-jwt-signature") ?? "").split(".");
  if (!signature) return "there is none";
  const read = (text) => JSON.parse(Buffer.from(text, "base64url").toString());
  const { keys } = await (await fetch(`${url}/.well-known/jwks.json`)).json();
  const named = read(header);
  const jwk = keys.find((one) => one.kid === named.kid);
  if (!jwk || named.alg !== "ES256" || jwk.crv !== "P-256") return "it is not signed with a key of the hub";
  const material = raw(createPublicKey({ key: jwk, format: "jwk" }));
  if (!verify("sha256", Buffer.from(`${header}.${payload}`), material, Buffer.from(signature, "base64url")))
    return "its signature does not hold";
  const claims = read(payload);
  if (claims.iss !== audience || claims.aud !== iss || claims.request_digest !== digestOf(body))
    return "it is of another request";
  if (!claims.signed_headers.some((one) => one.digest === digestOf(content))) return "it is of another answer";
  return claims.exp < Date.now() / 1000 ? "it has expired" : "";
}

let answer;
for (let attempt = 1; ; attempt++) {
  answer = await fetch(`${url}/publish/v1/${collection}`, { method: "POST", headers: headers(), body });
  if (![429, 503].includes(answer.status) || attempt === 3) break;
  await sleep(millisecondsToWait(answer.headers.get("retry-after") ?? "1"));
}
const content = Buffer.from(await answer.arrayBuffer());
console.log(`${content}\n${answer.status}`);
const fault = answer.ok ? await receiptFault(answer, content) : "";
if (fault) console.error(`no receipt: ${fault}`);
process.exitCode = answer.ok && !fault ? 0 : 1;
