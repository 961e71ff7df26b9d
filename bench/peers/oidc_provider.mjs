// oidc-provider with what the measured requests need, and with its state in memory: prints in one line of JSON where it
// is, and refresh tokens that somebody was granted. Two clients come as JSON in CLIENTS, one that gets opaque tokens and
// one that gets signed ones; the number of refresh tokens in TOKENS.
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const [opaque, signed] = JSON.parse(process.env.CLIENTS)

/** Maps and nothing else. The adapter that it brings along forgets all but the last thousand entries. */
class Memory {
  entries = new Map()

  async upsert(id, payload) {
    this.entries.set(id, payload)
  }

  async find(id) {
    return this.entries.get(id)
  }

  async consume(id) {
    this.entries.get(id).consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id) {
    this.entries.delete(id)
  }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.entries) if (payload.grantId === grantId) this.entries.delete(id)
  }
}

const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
const server = createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const { port } = server.address()
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  clients: [opaque, signed].map((client) => ({
    ...client,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    id_token_signed_response_alg: 'ES256',
    redirect_uris: ['https://app.example.com/callback'],
    response_types: ['code'],
  })),
  jwks: { keys: [{ kty, crv, x, y, d, alg: 'ES256', use: 'sig' }] },
  scopes: ['openid', 'offline_access', 'read'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => (client.clientId === signed.client_id ? 'https://api.example.com' : undefined),
      getResourceServerInfo: () => ({
        scope: 'read',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
    revocation: { enabled: true },
  },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86_400, Grant: 86_400 },
})

const refreshTokens = []
for (let number = 0; number < Number(process.env.TOKENS); number++) {
  const accountId = `user${number}`
  const grant = new provider.Grant({ accountId, clientId: opaque.client_id })
  grant.addOIDCScope('openid offline_access read')
  const token = new provider.RefreshToken({
    accountId,
    client: await provider.Client.find(opaque.client_id),
    grantId: await grant.save(),
    gty: 'authorization_code',
    scope: 'openid offline_access read',
  })
  refreshTokens.push(await token.save())
}
server.on('request', provider.callback())
console.log(JSON.stringify({ http: `127.0.0.1:${port}`, refresh_tokens: refreshTokens }))
