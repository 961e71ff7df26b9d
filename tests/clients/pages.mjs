// Each page in Chromium: axe-core finds no violation, in light and dark and at the width of a phone, and a picture of
// each is kept.
import { join } from 'node:path'
import axe from 'axe-core'
import { application, authorizationUrl, launch, newPage, verifier } from './chromium.mjs'
import { codeFor, makeClient, test, unprovenUser, weakUser } from './talk.mjs'

const looks = [
  ['light', 'light', { width: 1280, height: 800 }],
  ['dark', 'dark', { width: 1280, height: 800 }],
  ['phone', 'light', { width: 360, height: 740 }],
]
const languages = ['en', 'de', 'fr', 'es', 'pt', 'ja', 'zh']

const app = await application()
const callback = `${app.origin}/callback`
const client = await makeClient({
  client_name: 'Example application', redirect_uris: [callback], scope: 'openid profile email offline_access',
  token_endpoint_auth_method: 'none', authorization_details_types: ['payment'],
})
const ask = (more = {}) => authorizationUrl(test.issuer, client, callback, { scope: 'openid profile email', ...more })

const browser = await launch()
const page = await newPage(browser)
const violations = []

/** Looks at the page that is open. */
async function look(name, only = looks) {
  for (const [label, colorScheme, size] of only) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(size)
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${label}.png`), fullPage: true })
    await page.evaluate(axe.source)
    const found = await page.evaluate(() => globalThis.axe.run())
    for (const { id, help, nodes } of found.violations) {
      violations.push(`${name} (${label}): ${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`)
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    if (wide > 0) violations.push(`${name} (${label}): ${wide} pixels wider than the window`)
  }
}

const follow = (part) => page.locator(`a[href*="${part}"]`).first().click()
const send = (field) => page.press(`[name=${field}]`, 'Enter')

// Coming in.
await page.goto(ask())
await look('sign-in')
await page.fill('[name=identifier]', test.email)
await page.fill('[name=password]', 'not the password')
await send('password')
await page.locator('[role=alert]').waitFor()
await look('sign-in-refused')
for (const language of languages) {
  await page.goto(ask({ ui_locales: language }))
  const shown = await page.locator('html').getAttribute('lang')
  if (!shown.startsWith(language)) violations.push(`asked for ${language}, the page is in ${shown}`)
  await look(`sign-in-${language}`, looks.slice(2))
}

// Somebody new.
await page.goto(ask())
await follow('/sign-up')
await look('sign-up')
const email = `chromium-${Date.now()}-${process.pid}@example.com`
await page.fill('[name=identifier]', email)
await send('identifier')
await page.locator('[name=code]').waitFor()
await look('sign-up-code')
await page.fill('[name=code]', await codeFor(email))
await page.fill('[name=new_password]', 'Harvest-lantern-42-river')
await send('new_password')
await page.locator('[name=decision][value=allow]').waitFor()
await look('consent')
const details = JSON.stringify([
  { type: 'payment', actions: ['initiate', 'cancel'], locations: ['https://bank.example.com/payments/and/a/long/path/with/no/end'],
    instructedAmount: { amount: '123.50', currency: 'EUR' }, creditorName: 'Merchant A' },
  { type: 'payment', identifier: 'account-7' },
])
await page.goto(ask({ authorization_details: details }))
await page.locator('[name=decision][value=allow]').waitFor()
await look('consent-details')
await page.goto(ask())
await page.click('[name=decision][value=allow]')
await page.waitForURL(`${callback}**`)

await page.goto(ask({ authorization_details: details }))
await page.click('[name=decision][value=allow]')
await page.waitForURL(`${callback}**`)
const redeemed = await fetch(`${test.issuer}/oauth2/token`, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'authorization_code', client_id: client.client_id, redirect_uri: callback, code_verifier: verifier,
    code: new URL(page.url()).searchParams.get('code'),
  }),
})
if (!redeemed.ok) throw new Error(await redeemed.text())

// Inside.
await page.goto(`${test.issuer}/account`)
await look('account')
await page.goto(`${test.issuer}/device`)
await look('device')
await page.fill('[name=user_code]', 'BCDF-GHJK')
await send('user_code')
await page.waitForLoadState()
await look('device-refused')
await page.goto(ask({ prompt: 'select_account' }))
await look('select-account')

// Going.
await page.goto(`${test.issuer}/oauth2/logout`)
await look('sign-out')
await page.locator('[name=decision][value=sign_out]').first().click()
await page.waitForLoadState()
await look('signed-out')

// With a code, and without a password.
await page.goto(ask())
await follow('/sign-in/code')
await look('sign-in-code')
await page.fill('[name=identifier]', email)
await send('identifier')
await page.locator('[name=code]').waitFor()
await look('sign-in-code-sent')
await page.goto(ask())
await follow('/recover')
await look('recover')
await page.fill('[name=identifier]', email)
await send('identifier')
await page.locator('[name=code]').waitFor()
await look('recover-code')

// An address that has an account.
await page.goto(ask())
await follow('/sign-up')
await page.fill('[name=identifier]', email)
await send('identifier')
await page.locator('[name=code]').waitFor()
await page.fill('[name=code]', await codeFor(email))
await page.fill('[name=new_password]', 'Harvest-lantern-42-river')
await send('new_password')
await page.locator('a[href*="/recover"]').waitFor()
await look('sign-up-taken')
await follow('/sign-in')
await page.locator('[name=password]').waitFor()

// A password that is weak.
const weak = await weakUser()
await page.goto(ask())
await page.fill('[name=identifier]', weak.email)
await page.fill('[name=password]', weak.password)
await send('password')
await page.locator('[name=new_password]').waitFor()
await look('new-password')
await page.fill('[name=new_password]', 'short')
await send('new_password')
await page.locator('[role=alert]').waitFor()
await look('new-password-refused')
await page.click('[name=action][value=later]')
await page.locator('[name=decision][value=allow]').waitFor()

// An address that nobody has proven.
const unproven = await unprovenUser()
await page.goto(`${test.issuer}/sign-in`)
await page.fill('[name=identifier]', unproven.email)
await page.fill('[name=password]', unproven.password)
await send('password')
await page.waitForURL(/account|new-password/)
await page.goto(`${test.issuer}/account`)
await look('account-unproven')
const prove = page.locator('form[action="/verify-address"] button')
await prove.click()
await page.locator('[name=code]').waitFor()
await look('verify-address')
await page.fill('[name=code]', '00000-00000')
await send('code')
await page.locator('[role=alert]').waitFor()
await look('verify-address-refused')
await page.fill('[name=code]', await codeFor(unproven.email))
await send('code')
await page.waitForURL('**/account')
if (await prove.count()) violations.push('an address that was proven is still to be proven')
await look('account-proven')

// What went wrong, and the targets of links in messages.
await page.goto(authorizationUrl(test.issuer, { client_id: 'nobody' }, callback))
await look('error')
await page.goto(`${test.issuer}/nothing/here`)
await look('not-found')
await page.goto(`${test.issuer}/verify-email/x`)
await look('verify-email')
await page.click('button')
await page.waitForLoadState()
await look('link-invalid')
await page.goto(`${test.issuer}/confirmed`)
await look('confirmed')
await page.goto(`${test.issuer}/reset-password/x`)
await look('reset-password')
await page.fill('[name=password]', 'short')
await send('password')
await page.locator('[role=alert]').waitFor()
await look('reset-password-refused')

await browser.close()
for (const violation of violations) console.error(violation)
process.exit(violations.length ? 1 : 0)
