// Node-RED as its documentation recommends it for serving: no editor, no admin routes, quiet log.

module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.PORT),
  httpAdminRoot: false,
  credentialSecret: false,
  runtimeState: { enabled: false },
  telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: "warn", metrics: false, audit: false } },
};
