// The way through the pages in Chromium, with scripts switched off and on: the same clicks lead to the application.
import assert from 'node:assert/strict'
import { application, authorizationUrl, isComplaint, launch, newPage } from './chromium.mjs'
import { makeClient, test } from './talk.mjs'

const app = await application()
const callback = `${app.origin}/callback`
const client = await makeClient({
  redirect_uris: [callback], scope: 'openid email', token_endpoint_auth_method: 'none',
  post_logout_redirect_uris: [`${app.origin}/signed-out`],
})
const browser = await launch()

/** The page of a new browser profile, at the beginning of a sign-in; what Chromium complains about is collected. */
async function begin(javaScriptEnabled, more = {}) {
  const page = await newPage(browser, { javaScriptEnabled })
  const complaints = []
  page.on('console', (message) => isComplaint(message) && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(authorizationUrl(test.issuer, client, callback, more))
  return { page, complaints }
}

const press = (page, selector) => page.locator(selector).first().click()

async function allow(page) {
  await press(page, '[name=decision][value=allow]')
  await page.waitForURL(`${callback}**`)
  const answer = new URL(page.url()).searchParams
  assert.equal(answer.get('state'), 'state')
  assert.equal(answer.get('iss'), test.issuer)
  assert.ok(answer.get('code'))
}

async function signIn(page) {
  await page.fill('[name=identifier]', test.email)
  await page.fill('[name=password]', test.password)
  await page.press('[name=password]', 'Enter')
}

for (const scripts of [false, true]) {
  const { page, complaints } = await begin(scripts, { prompt: 'consent' })
  await page.fill('[name=identifier]', test.email)
  await page.fill('[name=password]', 'not the password')
  await page.press('[name=password]', 'Enter')
  await page.locator('[role=alert]').waitFor()
  // A refused password is a 401, which Chromium mentions.
  complaints.length = 0
  await signIn(page)
  await allow(page)
  // Signed in already: the question comes at once.
  await page.goto(authorizationUrl(test.issuer, client, callback, { prompt: 'consent' }))
  await press(page, '[name=decision][value=deny]')
  await page.waitForURL(`${callback}**`)
  assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied')
  await page.goto(authorizationUrl(test.issuer, client, callback, { prompt: 'none' }))
  assert.ok(new URL(page.url()).searchParams.get('code'), page.url())
  // The answer as a form that sends itself, or whose button is pressed.
  await page.goto(authorizationUrl(test.issuer, client, callback, { response_mode: 'form_post' }))
  if (!scripts) await press(page, 'button, [type=submit]')
  await page.waitForURL(callback)
  await page.goto(`${test.issuer}/oauth2/logout`)
  await press(page, '[name=decision][value=sign_out]')
  await page.goto(authorizationUrl(test.issuer, client, callback))
  await page.locator('[name=password]').waitFor()
  assert.deepEqual(complaints, [])
  await page.context().close()
}
await browser.close()
process.exit(0)
