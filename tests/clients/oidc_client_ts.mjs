// oidc-client-ts in a page of an application, in Chromium: sign-in, refresh, userinfo, revocation, sign-out.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { application, isComplaint, launch, newPage } from './chromium.mjs'
import { makeClient, test } from './talk.mjs'

const entry = createRequire(import.meta.url).resolve('oidc-client-ts/package.json')
const library = readFileSync(join(dirname(entry), 'dist/browser/oidc-client-ts.min.js'))
const app = await application({ '/oidc-client-ts.js': library })
const client = await makeClient({
  redirect_uris: [`${app.origin}/callback`],
  post_logout_redirect_uris: [`${app.origin}/signed-out`],
  token_endpoint_auth_method: 'none',
  scope: 'openid profile email offline_access',
})
const settings = {
  authority: test.issuer,
  client_id: client.client_id,
  redirect_uri: `${app.origin}/callback`,
  post_logout_redirect_uri: `${app.origin}/signed-out`,
  scope: 'openid profile email offline_access',
  loadUserInfo: true,
  revokeTokensOnSignout: true,
}

const browser = await launch()
const page = await newPage(browser)
const complaints = []
page.on('console', (message) => isComplaint(message) && complaints.push(message.text()))

/** Calls the library in the application's page. */
async function call(work) {
  await page.addScriptTag({ url: '/oidc-client-ts.js' })
  return page.evaluate(`(${work})(new oidc.UserManager(${JSON.stringify(settings)}))`)
}

await page.goto(app.origin)
await call((manager) => void manager.signinRedirect())
await page.locator('[name=password]').waitFor()
await page.fill('[name=identifier]', test.email)
await page.fill('[name=password]', test.password)
await page.press('[name=password]', 'Enter')
await page.locator('[name=decision][value=allow]').click()
await page.waitForURL(`${app.origin}/callback**`)
const user = await call((manager) => manager.signinRedirectCallback())
assert.equal(user.profile.email, test.email)
assert.ok(user.refresh_token && user.id_token)

const renewed = await call((manager) => manager.signinSilent())
assert.notEqual(renewed.access_token, user.access_token)
assert.equal(renewed.profile.sub, user.profile.sub)

await call((manager) => void manager.signoutRedirect())
await page.waitForURL(`${test.issuer}/**`)
await page.locator('[name=decision][value=sign_out]').first().click()
await page.waitForURL(`${app.origin}/signed-out**`)
const told = await fetch(`${test.issuer}/oauth2/userinfo`, { headers: { authorization: `Bearer ${renewed.access_token}` } })
assert.equal(told.status, 401)
assert.deepEqual(complaints, [])
await browser.close()
process.exit(0)
