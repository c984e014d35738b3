// The five-step workflow as a Restate service: each step is one `ctx.run`, whose result the server
// has in its journal before the next step begins. POST /bench/run starts a run and waits for its end.

import * as restate from "@restatedev/restate-sdk";

const { PORT, SINK } = process.env;

// Anything but a 2xx fails the step, and Restate tries it again.
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

const bench = restate.service({
  name: "bench",
  handlers: {
    run: async (ctx, { data: event }) => {
      const tier = await ctx.run("tier", () => (event.tier === "pro" ? "pro" : "standard"));
      const greeting = await ctx.run("greeting", () => (tier === "pro" ? "Hello" : "Hi"));
      const text = await ctx.run("text", () => `${greeting} ${event.name}`);
      const told = await ctx.run("tell", () => tell({ text, tier }));
      const outcome = await ctx.run("record", () => (told === 200 ? "ok" : "odd"));
      return { status: "completed", outcome };
    },
  },
});

restate.serve({ services: [bench], port: Number(PORT) });
process.once("SIGTERM", () => process.exit(0));
