// Asks a model with OpenAI's own client. The argument is the API's address. Each line of input is
// {"key", "request"}, the body of `chat/completions`; it is answered by the message as the client
// reads it, {"content", "tools"}, or by {"error"}.
const { OpenAI } = require('openai');
const { createInterface } = require('node:readline');

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const baseURL = process.argv[2];

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { key, request } = JSON.parse(line);
  const client = new OpenAI({ apiKey: key, baseURL, maxRetries: 0 });
  try {
    const { choices } = await client.chat.completions.create(request);
    const { content, tool_calls: calls } = choices[0].message;
    const tools = (calls ?? []).map(({ function: { name, arguments: given } }) => [name, JSON.parse(given)]);
    say({ content, tools });
  } catch (error) {
    say({ error: error.message });
  }
});

say({ ready: true });
