// Judges signed assertions with the npm library `jsonwebtoken`, which Twilio's SDK brings along. Each
// line of input is {"token", "key", "audience", "now"}; it is answered by {"header", "claims"}, or by
// {"error"}.
const jwt = require('jsonwebtoken');
const { createInterface } = require('node:readline');

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { token, key, audience, now } = JSON.parse(line);
  try {
    const options = { algorithms: ['RS256'], audience, clockTimestamp: now, complete: true };
    const { header, payload } = jwt.verify(token, key, options);
    say({ header, claims: payload });
  } catch (error) {
    say({ error: error.message });
  }
});

say({ ready: true });
