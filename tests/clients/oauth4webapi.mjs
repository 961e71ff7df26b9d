// oauth4webapi against the server: it checks each answer by itself, so this goes through them one by one.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { makeClient, run, test, visit } from './talk.mjs'

const callback = 'https://app.example.com/callback'
const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(test.issuer)

async function discover(algorithm) {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...insecure }))
}

/** An authorization request and its checked answer. */
async function authorize(as, client, scope, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
  return { parameters: oauth.validateAuthResponse(as, client, await visit(url), state), verifier, nonce }
}

async function redeem(as, client, auth, { parameters, verifier, nonce }) {
  const answer = await oauth.authorizationCodeGrantRequest(as, client, auth, parameters, callback, verifier, insecure)
  const copy = answer.clone()
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(as, copy, insecure).catch((error) => {
    // It wants the very answer that was processed; older ones took a copy.
    if (!(error instanceof TypeError)) throw error
    return oauth.validateApplicationLevelSignature(as, answer, insecure)
  })
  return tokens
}

await run({
  async code() {
    const as = await discover('oidc')
    const scope = 'openid profile email offline_access'
    const made = await makeClient({ redirect_uris: [callback], scope })
    const client = { client_id: made.client_id }
    const auth = oauth.ClientSecretBasic(made.client_secret)
    const granted = await authorize(as, client, scope)
    const tokens = await redeem(as, client, auth, granted)
    const { sub } = oauth.getValidatedIdTokenClaims(tokens)

    const told = await oauth.userInfoRequest(as, client, tokens.access_token, insecure)
    const person = await oauth.processUserInfoResponse(as, client, sub, told)
    assert.equal(person.email, test.email)

    const introspected = await oauth.introspectionRequest(as, client, auth, tokens.access_token, insecure)
    assert.equal((await oauth.processIntrospectionResponse(as, client, introspected)).active, true)

    const refreshed = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure)
    const next = await oauth.processRefreshTokenResponse(as, client, refreshed)

    const revoked = await oauth.revocationRequest(as, client, auth, next.refresh_token, insecure)
    await oauth.processRevocationResponse(revoked)
    const dead = await oauth.introspectionRequest(as, client, auth, next.access_token, insecure)
    assert.equal((await oauth.processIntrospectionResponse(as, client, dead)).active, false)

    const again = await oauth.authorizationCodeGrantRequest(
      as, client, auth, granted.parameters, callback, granted.verifier, insecure)
    await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, again, { expectedNonce: granted.nonce }),
      (error) => error.code === oauth.RESPONSE_BODY_ERROR && error.error === 'invalid_grant')
  },

  async aResourceServerChecksAJwt() {
    // By RFC 8414's document, as a resource server without OpenID Connect would.
    const as = await discover('oauth2')
    const audience = 'https://api.example.com'
    const made = await makeClient({
      redirect_uris: [callback], scope: 'openid email', token_endpoint_auth_method: 'none',
      access_token_format: 'jwt', audience: [audience],
    })
    const client = { client_id: made.client_id }
    const granted = await authorize(as, client, 'openid email', { resource: audience })
    const tokens = await redeem(as, client, oauth.None(), granted)
    const request = new Request('https://api.example.com/things', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    const claims = await oauth.validateJwtAccessToken(as, request, audience, insecure)
    assert.equal(claims.client_id, made.client_id)
    assert.equal(claims.sub, oauth.getValidatedIdTokenClaims(tokens).sub)
  },

  async aService() {
    const as = await discover('oidc')
    const made = await makeClient({
      grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'reports',
      token_endpoint_auth_method: 'client_secret_post', access_token_format: 'jwt',
    })
    const client = { client_id: made.client_id }
    const auth = oauth.ClientSecretPost(made.client_secret)
    const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'reports' }, insecure)
    const tokens = await oauth.processClientCredentialsResponse(as, client, answer)
    assert.equal(tokens.scope ?? 'reports', 'reports')
    const wrong = oauth.ClientSecretPost('not the secret')
    const refused = await oauth.clientCredentialsGrantRequest(as, client, wrong, {}, insecure)
    // Every 401 has a challenge, which this library tells of first.
    await assert.rejects(oauth.processClientCredentialsResponse(as, client, refused.clone()),
      (error) => error.code === oauth.WWW_AUTHENTICATE_CHALLENGE && error.status === 401)
    assert.equal((await refused.json()).error, 'invalid_client')
  },
})
