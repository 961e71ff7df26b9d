// Debian's Chromium, and an application for it to come back to.
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:http'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

/** A browser of its own profile. */
export const launch = () => chromium.launch({ executablePath: program(), args: quiet })

/** A page of a new profile in it; it waits for nothing longer than a loaded machine needs. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(15_000)
  return context.newPage()
}

function program() {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(directory, 'chromium'), constants.X_OK)
      return join(directory, 'chromium')
    } catch {}
  }
  throw new Error('Chromium is not installed (Debian: chromium)')
}

/** Whether a message of the console says that something is wrong: but for an icon, which it asks every site for. */
export const isComplaint = (message) => message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')

/** An application at an address of its own, which shows an empty page at every path; `origin` and `files` to serve. */
export async function application(files = {}) {
  const server = createServer((request, response) => {
    const body = files[new URL(request.url, 'http://here').pathname]
    response.setHeader('Content-Type', body ? 'text/javascript' : 'text/html')
    response.end(body ?? '<!doctype html><title>The application</title>')
  })
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
  return { origin: `http://127.0.0.1:${server.address().port}` }
}

/** The verifier of the challenge below (RFC 7636 appendix B). */
export const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'

/** An authorization request. */
export function authorizationUrl(issuer, client, callback, more = {}) {
  const url = new URL('/oauth2/authorize', issuer)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid email',
    state: 'state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...more,
  })
  return String(url)
}
