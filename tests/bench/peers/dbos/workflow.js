// The five-step workflow as a DBOS workflow: each step is one `DBOS.runStep`, whose result is a row
// in PostgreSQL before the next step begins. POST / starts a run and waits for its end.

import { createServer } from "node:http";
import { DBOS } from "@dbos-inc/dbos-sdk";

const { PORT, SINK, DATABASE } = process.env;

// Anything but a 2xx fails the step.
async function tell(message) {
  const answer = await fetch(SINK, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(message),
  });
  await answer.text();
  if (!answer.ok) throw new Error(`the sink answered ${answer.status}`);
  return answer.status;
}

const step = (name, what) => DBOS.runStep(async () => what(), { name });

const bench = DBOS.registerWorkflow(
  async ({ data: event }) => {
    const tier = await step("tier", () => (event.tier === "pro" ? "pro" : "standard"));
    const greeting = await step("greeting", () => (tier === "pro" ? "Hello" : "Hi"));
    const text = await step("text", () => `${greeting} ${event.name}`);
    const told = await step("tell", () => tell({ text, tier }));
    const outcome = await step("record", () => (told === 200 ? "ok" : "odd"));
    return { status: "completed", outcome };
  },
  { name: "bench" },
);

DBOS.setConfig({ name: "bench", systemDatabaseUrl: DATABASE, logLevel: "error" });
await DBOS.launch();

createServer(async (request, response) => {
  try {
    let body = "";
    for await (const part of request) body += part;
    const answer = await bench(JSON.parse(body));
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(Number(PORT), "127.0.0.1");

process.once("SIGTERM", async () => {
  await DBOS.shutdown();
  process.exit(0);
});
