// What a script asks the test that started it for, a line of JSON each way: people and clients are made there, and
// the pages are walked there, by the browser that all tests use.
import { createInterface } from 'node:readline'

// Far above what any script needs on a busy machine, so that a test fails with a name and not by hanging.
setTimeout(() => { throw new Error('the script took more than five minutes') }, 300_000).unref()

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function ask(question) {
  process.stdout.write(JSON.stringify(question) + '\n')
  const { value, done } = await lines.next()
  if (done) throw new Error('the test does not listen any more')
  return JSON.parse(value)
}

/** The issuer, and somebody with an account: `issuer`, `email`, `password`. */
export const test = await ask({ do: 'begin' })

/** Makes a client from RFC 7591 metadata by the command line; what it prints. */
export const makeClient = (metadata) => ask({ do: 'client', metadata })

/** Adds a client of a kind such as `--spa`; the text that people are shown. */
export const addClient = async (kind, redirect_uri) => (await ask({ do: 'add', kind, redirect_uri })).text

/** Opens a URL in the browser, signs in and allows if asked; the URL of the application where it arrives. */
export const visit = async (url) => new URL((await ask({ do: 'visit', url: String(url) })).arrived)

/** Opens a URL in the browser and presses what confirms; the URL or path where it ends. */
export const confirm = async (url) => (await ask({ do: 'confirm', url: String(url) })).arrived

/** Somebody whose password is weak: `email`, `password`. */
export const weakUser = () => ask({ do: 'weak' })

/** Somebody whose address nobody has proven: `email`, `password`. */
export const unprovenUser = () => ask({ do: 'unproven' })

/** The code of the latest message to an address. */
export const codeFor = async (email) => (await ask({ do: 'code', email })).code

/** Allows a device that shows this code, at its complete verification URL. */
export const allowDevice = (url, code) => ask({ do: 'device', url: String(url), code })

/** Runs each of the named parts, and fails with all that fail. */
export async function run(parts) {
  const wanted = process.argv.slice(2)
  let failed = 0
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length && !wanted.includes(name)) continue
    try {
      await part()
    } catch (error) {
      failed++
      console.error(`${name}:`, error)
    }
  }
  process.exit(failed ? 1 : 0)
}
