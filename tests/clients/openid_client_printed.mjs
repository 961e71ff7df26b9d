// What `client add` prints for openid-client, run as it stands: only the way of the browser is ours.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { addClient, run, visit } from './talk.mjs'

const callback = 'https://app.example.com/callback'

/** Signs in by the text that is printed for a client of this kind. */
async function signIn(kind) {
  const text = await addClient(kind, callback)
  process.env.CLIENT_SECRET = text.match(/^client_secret +(\S+)$/m)?.[1] ?? ''
  const [, printed] = text.split('\nopenid-client:\n')
  const lines = printed.split('\n').map((line) => line.slice(2))
  const back = lines.findIndex((line) => line.startsWith('const tokens'))
  assert.ok(back > 0, text)
  lines.splice(back, 0, 'const arrived = await visit(url)')
  const file = new URL(`printed${kind}.mjs`, import.meta.url)
  await writeFile(file, `export const signIn = async (client, visit) => {\n${lines.slice(1).join('\n')}\nreturn tokens }\n`)
  const library = lines[0].match(/^import \* as client from '([^']+)'$/)?.[1]
  const tokens = await (await import(file)).signIn(await import(library), visit)
  assert.ok(tokens.access_token && tokens.claims().sub, kind)
}

await run({
  spa: () => signIn('--spa'),
  web: () => signIn('--web'),
})
