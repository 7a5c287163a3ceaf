// Reads tests/vectors/publish.json as any language can: signature and integrity of each vector, with node:crypto alone.
//   node samples/vectors.mjs tests/vectors
// Not a verifier: who is trusted, times and claims are left out, so it refuses only what these two checks refuse.
import { createHash, createPublicKey, verify, X509Certificate, constants } from "node:crypto";
import { readFileSync } from "node:fs";

const folder = process.argv[2];
const load = (name) => JSON.parse(readFileSync(`${folder}/${name}`));
const { vectors } = load("publish.json");
const jwks = new Map(
  load("registry.json").vendors.flatMap((vendor) =>
    vendor.keys.filter((key) => key.kind === "jwk").map((key) => [`${vendor.vendor_id} ${key.kid}`, JSON.parse(key.material)]),
  ),
);

const read = (segment) => JSON.parse(Buffer.from(segment, "base64url").toString());

function material(alg, key) {
  if (alg.startsWith("ES")) return { key, dsaEncoding: "ieee-p1363" };
  if (!alg.startsWith("PS")) return { key };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function claimsOf(compact) {
  const [header, payload, signature] = compact.split(".");
  const [named, claims] = [read(header), read(payload)];
  const jwk = jwks.get(`${claims.iss} ${named.kid}`);
  const key = named.x5c
    ? new X509Certificate(Buffer.from(named.x5c[0], "base64")).publicKey
    : createPublicKey({ key: jwk, format: "jwk" });
  const hash = named.alg === "EdDSA" ? null : `sha${named.alg.slice(2)}`;
  const input = Buffer.from(`${header}.${payload}`);
  if (!verify(hash, input, material(named.alg, key), Buffer.from(signature, "base64url"))) throw Error("signature");
  return claims;
}

function check({ request }) {
  const body = Buffer.from(request.body_base64, "base64");
  const values = (name) => request.headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
  for (const value of values("authorization")) claimsOf(value.split(" ").at(-1));
  for (const value of values("agid-jwt-signature"))
    for (const [name, signed] of claimsOf(value).signed_headers.flatMap(Object.entries))
      if (name !== "content-type" && !values(name).includes(signed)) throw Error(`signed ${name}`);
  for (const value of values("digest"))
    if (value.slice(8) !== createHash("sha256").update(body).digest("base64")) throw Error("digest");
}

const verdicts = vectors.map((vector) => {
  try {
    check(vector);
    return { name: vector.name, holds: true };
  } catch (error) {
    return { name: vector.name, holds: false, why: error.message };
  }
});
console.log(JSON.stringify(verdicts, null, 1));
