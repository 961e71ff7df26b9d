// Fills in the values in angle brackets of ouser.apib: each request gets an account of its own, as far as it asks for
// one. Codes are read from the outbox with the command that OUTBOX_COMMAND holds as a JSON array.
const { execFileSync } = require('child_process');
const hooks = require('hooks');

const password = 'Tr0mbone-yellow';
let accounts = 0;

async function post(origin, path, body, expected) {
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text;
}

async function sendCode(origin, email) {
  await post(origin, '/send', { identifier: email, identifier_type: 'email' }, 202);
  const [program, ...parts] = JSON.parse(process.env.OUTBOX_COMMAND);
  const messages = JSON.parse(execFileSync(program, parts, { encoding: 'utf8' }));
  return messages.filter((message) => message.to === email).pop().code;
}

async function values(origin, wanted) {
  accounts += 1;
  const [email, newEmail] = [`dredd-${accounts}@example.com`, `dredd-new-${accounts}@example.com`];
  const known = { '<email>': email, '<password>': password, '<new email>': newEmail };
  if (wanted.includes('<email>') || wanted.includes('<code>') || wanted.includes('<session>')) {
    await post(origin, '/register', { verification_code: await sendCode(origin, email), password }, 201);
  }
  if (wanted.includes('<code>')) known['<code>'] = await sendCode(origin, email);
  if (wanted.includes('<new code>')) known['<new code>'] = await sendCode(origin, newEmail);
  if (wanted.includes('<session>')) {
    const answer = await post(origin, '/login', { identifier: email, identifier_type: 'email', password }, 200);
    known['<session>'] = JSON.parse(answer).session_token;
  }
  return known;
}

hooks.beforeEach((transaction, done) => {
  const origin = `${transaction.protocol}//${transaction.host}:${transaction.port}`;
  values(origin, transaction.request.body)
    .then((known) => {
      for (const [name, value] of Object.entries(known)) {
        transaction.request.body = transaction.request.body.split(name).join(value);
      }
    })
    .catch((error) => { transaction.fail = String(error); })
    .finally(done);
});
