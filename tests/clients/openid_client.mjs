// openid-client against the server: each part is a way in which its users use it.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { allowDevice, confirm, makeClient, run, test, visit } from './talk.mjs'

const callback = 'https://app.example.com/callback'
const signedOut = 'https://app.example.com/signed-out'
const scope = 'openid profile email offline_access'
const insecure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }

function discover(made, method, metadata = {}) {
  return client.discovery(new URL(test.issuer), made.client_id, metadata, method, insecure)
}

/** A client of the command line, as the library sees it. */
async function configured(metadata = {}, method = undefined) {
  const made = await makeClient({ redirect_uris: [callback], scope, ...metadata })
  return discover(made, method ?? client.ClientSecretBasic(made.client_secret))
}

/** What one sign-in needs, with the library's own PKCE, state and nonce. */
async function request(more = {}) {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const parameters = {
    redirect_uri: callback,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  }
  return { checks, parameters }
}

async function signIn(config, more = {}) {
  const { checks, parameters } = await request(more)
  const arrived = await visit(client.buildAuthorizationUrl(config, parameters))
  if (more.max_age !== undefined) checks.maxAge = more.max_age
  return client.authorizationCodeGrant(config, arrived, checks)
}

async function refused(promise, error) {
  await assert.rejects(promise, (reason) => {
    assert.equal(reason.error, error, `${reason} ${reason.cause}`)
    return true
  })
}

await run({
  async code() {
    const config = await configured({ post_logout_redirect_uris: [signedOut] })
    assert.equal(config.serverMetadata().supportsPKCE(), true)
    const tokens = await signIn(config)
    const { sub } = tokens.claims()
    const person = await client.fetchUserInfo(config, tokens.access_token, sub)
    assert.equal(person.email, test.email)

    const told = await client.tokenIntrospection(config, tokens.access_token)
    assert.equal(told.active, true)
    assert.equal(told.sub, sub)

    const next = await client.refreshTokenGrant(config, tokens.refresh_token)
    assert.notEqual(next.access_token, tokens.access_token)
    assert.equal(next.claims()?.sub ?? sub, sub)
    await client.tokenRevocation(config, next.refresh_token)
    assert.equal((await client.tokenIntrospection(config, next.access_token)).active, false)
    await refused(client.refreshTokenGrant(config, next.refresh_token), 'invalid_grant')

    const state = client.randomState()
    const logout = { id_token_hint: tokens.id_token, post_logout_redirect_uri: signedOut, state }
    const arrived = new URL(await confirm(client.buildEndSessionUrl(config, logout)))
    assert.equal(arrived.origin + arrived.pathname, signedOut)
    assert.equal(arrived.searchParams.get('state'), state)
  },

  async secretInTheBody() {
    const made = await makeClient({ redirect_uris: [callback], scope, token_endpoint_auth_method: 'client_secret_post' })
    const tokens = await signIn(await discover(made, client.ClientSecretPost(made.client_secret)), { max_age: 3600 })
    assert.ok(tokens.claims().auth_time > 0)
  },

  async noSecret() {
    const config = await configured({ token_endpoint_auth_method: 'none', access_token_format: 'jwt' }, client.None())
    const tokens = await signIn(config)
    assert.equal(tokens.access_token.split('.').length, 3)
    assert.ok((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token)
  },

  async everyAlgorithm() {
    for (const alg of ['ES256', 'RS256', 'EdDSA']) {
      const made = await makeClient({ redirect_uris: [callback], scope, id_token_signed_response_alg: alg })
      const metadata = { id_token_signed_response_alg: alg }
      await signIn(await discover(made, client.ClientSecretBasic(made.client_secret), metadata))
    }
  },

  async privateKey() {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const key = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
    const config = await configured(
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } },
      client.PrivateKeyJwt({ key: pair.privateKey, kid: 'one' }),
    )
    assert.ok((await signIn(config)).access_token)
  },

  async service() {
    const config = await configured({ grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'reports' })
    const tokens = await client.clientCredentialsGrant(config, { scope: 'reports' })
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).scope, 'reports')
    await refused(client.clientCredentialsGrant(config, { scope: 'openid everything' }), 'invalid_scope')
  },

  async pushedRequestAndDpop() {
    const config = await configured({ require_pushed_authorization_requests: true, dpop_bound_access_tokens: true })
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const { checks, parameters } = await request()
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
    assert.ok(url.searchParams.get('request_uri'))
    const tokens = await client.authorizationCodeGrant(config, await visit(url), checks, undefined, { DPoP })
    assert.equal(tokens.token_type, 'dpop')
    const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
    assert.equal(person.email, test.email)
    const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
    assert.equal(next.token_type, 'dpop')
    await assert.rejects(client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), 'without its key')
  },

  async signedRequest() {
    for (const alg of ['ES256', 'RS256']) {
      const params = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) } }
      const pair = await crypto.subtle.generateKey(params[alg], true, ['sign', 'verify'])
      const key = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'one', alg, use: 'sig' }
      const config = await configured({ jwks: { keys: [key] }, require_signed_request_object: true })
      const { checks, parameters } = await request({ max_age: 3600, claims: JSON.stringify({ id_token: { auth_time: { essential: true } } }) })
      const url = await client.buildAuthorizationUrlWithJAR(config, parameters, { key: pair.privateKey, kid: 'one' })
      assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request'])
      assert.ok((await client.authorizationCodeGrant(config, await visit(url), { ...checks, maxAge: 3600 })).access_token)

      const pushed = await request()
      const signed = await client.buildAuthorizationUrlWithJAR(config, pushed.parameters, { key: pair.privateKey, kid: 'one' })
      const short = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams)
      assert.ok(short.searchParams.get('request_uri'))
      assert.ok((await client.authorizationCodeGrant(config, await visit(short), pushed.checks)).access_token)

      const bare = await request()
      const refusal = await visit(client.buildAuthorizationUrl(config, bare.parameters))
      await refused(client.authorizationCodeGrant(config, refusal, bare.checks), 'invalid_request')
    }
  },

  async details() {
    const config = await configured({ authorization_details_types: ['payment'], access_token_format: 'jwt' })
    const details = [{ type: 'payment', actions: ['initiate', 'cancel'], amount: { value: '9.50', currency: 'EUR' } }]
    const { checks, parameters } = await request({ authorization_details: JSON.stringify(details) })
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters)
    const tokens = await client.authorizationCodeGrant(config, await visit(url), checks)
    assert.deepEqual(tokens.authorization_details, details)
    const told = await client.tokenIntrospection(config, tokens.access_token)
    assert.deepEqual(told.authorization_details, details)
    const less = JSON.stringify([{ ...details[0], actions: ['cancel'] }])
    const next = await client.refreshTokenGrant(config, tokens.refresh_token, { authorization_details: less })
    assert.deepEqual(next.authorization_details, JSON.parse(less))
  },

  async singleClaims() {
    const config = await configured()
    const claims = JSON.stringify({ id_token: { email: null }, userinfo: { given_name: { essential: true } } })
    const tokens = await signIn(config, { scope: 'openid', claims })
    assert.equal(tokens.claims().email, test.email)
    const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
    assert.deepEqual(Object.keys(person).sort(), ['given_name', 'sub'])
  },

  async signedAnswer() {
    for (const alg of ['ES256', 'RS256', 'EdDSA']) {
      const made = await makeClient({ redirect_uris: [callback], scope, authorization_signed_response_alg: alg })
      const metadata = { authorization_signed_response_alg: alg }
      const config = await discover(made, client.ClientSecretBasic(made.client_secret), metadata)
      client.useJwtResponseMode(config)
      const { checks, parameters } = await request()
      const arrived = await visit(client.buildAuthorizationUrl(config, parameters))
      assert.deepEqual([...arrived.searchParams.keys()], ['response'])
      assert.ok((await client.authorizationCodeGrant(config, arrived, checks)).access_token)
      const wrong = await request({ max_age: 'soon' })
      const refusal = await visit(client.buildAuthorizationUrl(config, wrong.parameters))
      await refused(client.authorizationCodeGrant(config, refusal, wrong.checks), 'invalid_request')
    }
  },

  async device() {
    const grants = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token']
    const config = await configured(
      { grant_types: grants, redirect_uris: [], response_types: [], token_endpoint_auth_method: 'none' },
      client.None(),
    )
    const started = await client.initiateDeviceAuthorization(config, { scope: 'openid email' })
    await allowDevice(started.verification_uri_complete, started.user_code)
    const tokens = await client.pollDeviceAuthorizationGrant(config, { ...started, interval: 1 })
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).email, test.email)
  },

  async registration() {
    const metadata = { redirect_uris: [callback], client_name: 'Registered by itself', scope }
    const options = { ...insecure, initialAccessToken: test.registration_token }
    const config = await client.dynamicClientRegistration(new URL(test.issuer), metadata, client.ClientSecretBasic(), options)
    assert.ok((await signIn(config)).access_token)
  },
})
