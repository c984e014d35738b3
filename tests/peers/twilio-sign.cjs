// Signs requests as Twilio does, with Twilio's own SDK. Each line of input is
// {"token", "url", "params"}, or {"token", "url", "body"} for a body that is no form; it is answered
// by {"url", "signature"}, the URL with the body's digest where there is a body.
const twilio = require('twilio');
const { createInterface } = require('node:readline');

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { token, url, params, body } = JSON.parse(line);
  if (body === undefined) {
    say({ url, signature: twilio.getExpectedTwilioSignature(token, url, params) });
    return;
  }
  const signed = `${url}${url.includes('?') ? '&' : '?'}bodySHA256=${twilio.getExpectedBodyHash(body)}`;
  say({ url: signed, signature: twilio.getExpectedTwilioSignature(token, signed, {}) });
});

say({ ready: true });
